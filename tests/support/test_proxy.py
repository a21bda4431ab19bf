from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.support.proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures('no_leaks')

QUIET = 0.2  # seconds of silence


class EchoServer:
    """A server that sends all bytes back, and records the received pieces."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.ends: list[str] = []
        self.ended = threading.Event()
        self._driver = socket.create_server(('127.0.0.1', 0))
        self.port: int = self._driver.getsockname()[1]
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def close(self) -> None:
        self._driver.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._driver.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._driver.accept()
            except OSError:
                return
            with connection:
                self._echo(connection)

    def _echo(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        try:
            while data := connection.recv(65536):
                self.pieces.append(data)
                connection.sendall(data)
            self.ends.append('FIN')
        except ConnectionResetError:
            self.ends.append('RST')
        self.ended.set()


@pytest.fixture
def server() -> Iterator[EchoServer]:
    server = EchoServer()
    yield server
    server.close()


@pytest.fixture
def proxy(server: EchoServer) -> Iterator[FaultProxy]:
    with FaultProxy('127.0.0.1', server.port) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[socket.socket]:
    with socket.create_connection((proxy.host, proxy.port), timeout=10) as client:
        assert ask(client, b'hello') == b'hello'
        yield client


def ask(client: socket.socket, question: bytes) -> bytes:
    client.sendall(question)
    answer = b''
    while len(answer) < len(question):
        answer += client.recv(65536)
    return answer


def assert_silent(client: socket.socket) -> None:
    client.settimeout(QUIET)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.settimeout(10)


def test_passes_bytes_both_ways_and_counts(proxy: FaultProxy, client: socket.socket) -> None:
    text = bytes(range(256)) * 4096

    assert ask(client, text[:100_000]) == text[:100_000]
    assert (proxy.accepted, proxy.connected) == (1, 1)


def test_passes_the_end_on(client: socket.socket, server: EchoServer) -> None:
    client.close()

    assert server.ended.wait(10)
    assert server.ends == ['FIN']


def test_pause_holds_back_and_resume_delivers(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.pause()
    client.sendall(b'later')
    assert_silent(client)

    proxy.resume()

    assert client.recv(5, socket.MSG_WAITALL) == b'later'


def test_cut_resets_both_sides(
    proxy: FaultProxy, client: socket.socket, server: EchoServer
) -> None:
    proxy.cut()

    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert server.ended.wait(10)
    assert server.ends == ['RST']
    assert proxy.connected == 0


def test_strand_resets_the_client_alone(
    proxy: FaultProxy, client: socket.socket, server: EchoServer
) -> None:
    proxy.strand()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert not server.ended.wait(QUIET)

    proxy.unstrand()

    assert server.ended.wait(10)
    assert server.ends == ['FIN']


def test_drop_swallows_bytes_and_end(
    proxy: FaultProxy, client: socket.socket, server: EchoServer
) -> None:
    proxy.drop()
    client.sendall(b'lost')
    assert_silent(client)
    client.close()

    assert not server.ended.wait(QUIET)
    assert server.pieces == [b'hello']


def test_refuse_and_accept_keep_the_port(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((proxy.host, proxy.port), timeout=10)
    assert ask(client, b'still there') == b'still there'
    client.close()

    proxy.accept()

    with socket.create_connection((proxy.host, proxy.port), timeout=10) as another:
        assert ask(another, b'hello again') == b'hello again'


def test_split_sends_small_pieces(
    proxy: FaultProxy, client: socket.socket, server: EchoServer
) -> None:
    proxy.split(1)
    text = bytes(range(100))

    assert ask(client, text) == text
    assert b''.join(server.pieces) == b'hello' + text
    assert len(server.pieces) > 2


def test_delay_holds_each_piece_back(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.delay(3 * QUIET)
    client.sendall(b'x')
    assert_silent(client)

    assert client.recv(1) == b'x'


def test_target_that_refuses_is_a_reset() -> None:
    with socket.create_server(('127.0.0.1', 0)) as gone:
        port = gone.getsockname()[1]
    with (
        FaultProxy('127.0.0.1', port) as proxy,
        pytest.raises(ConnectionResetError),
        socket.create_connection((proxy.host, proxy.port), timeout=10) as client,
    ):
        client.recv(1)


def test_close_ends_a_connection_whose_target_never_answers() -> None:
    with socket.create_server(('127.0.0.1', 0), backlog=0) as deaf:
        port = deaf.getsockname()[1]
        with (
            socket.create_connection(('127.0.0.1', port), timeout=10),  # fills the backlog
            FaultProxy('127.0.0.1', port) as proxy,
            socket.create_connection((proxy.host, proxy.port), timeout=10) as client,
        ):
            assert_silent(client)
            proxy.close()
            with pytest.raises(ConnectionResetError):
                client.recv(1)


def test_connections_that_come_while_it_closes_are_ended_too(server: EchoServer) -> None:
    for _ in range(100):
        with contextlib.ExitStack() as clients:
            proxy = clients.enter_context(FaultProxy('127.0.0.1', server.port))
            for _ in range(3):
                address = (proxy.host, proxy.port)
                clients.enter_context(socket.create_connection(address))
