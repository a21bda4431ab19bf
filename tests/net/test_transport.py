"""How a transport finds its way, and what ends it."""

from __future__ import annotations

import selectors
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from math import inf
from typing import Any, TypeAlias

import pytest

from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.hot import Buffer
from coolamqp.net.transport import Transport
from coolamqp.objects import NodeDefinition
from coolamqp.supervisor.addresses import HEAD_START_SECONDS
from tests.net.rig import NOW, PATIENCE, TransportRig, resolved
from tests.support.certificates import Certificates
from tests.support.ports import HOST, free_port

MakeRig: TypeAlias = Callable[..., TransportRig]
MiB = 1024 * 1024


@pytest.fixture
def resources() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def listening(resources: ExitStack) -> socket.socket:
    """A socket that takes connections."""
    server = resources.enter_context(socket.create_server((HOST, 0)))
    server.settimeout(PATIENCE)
    return server


@pytest.fixture
def black_hole(resources: ExitStack) -> Any:
    """An address that never answers: that of a listener with no room for one more."""
    server = resources.enter_context(socket.create_server((HOST, 0), backlog=0))
    full = resources.enter_context(socket.socket())
    full.connect(server.getsockname())
    return server.getsockname()


@pytest.fixture
def make_rig(monkeypatch: pytest.MonkeyPatch, resources: ExitStack) -> MakeRig:
    """Connect to a name with these addresses."""

    def make(*targets: Any) -> TransportRig:
        def look_up(*_: Any, flags: int = 0, **__: Any) -> list[Any]:
            if flags & socket.AI_NUMERICHOST:
                raise socket.gaierror('no number')
            return resolved(*targets)

        monkeypatch.setattr(socket, 'getaddrinfo', look_up)
        rig = TransportRig()
        resources.enter_context(closing(rig.transport))
        return rig

    return make


# Connecting


def test_a_name_with_one_address(make_rig: MakeRig, listening: socket.socket) -> None:
    rig = make_rig(listening.getsockname())
    rig.begin()
    assert rig.transport.wake_at == inf
    rig.connect()

    assert rig.watched == {}
    peer, _ = listening.accept()
    with peer:
        assert rig.transport.send([b'he', b'llo']) == 5
        assert peer.recv(5) == b'hello'


def test_an_address_that_refuses_is_passed_over(
    make_rig: MakeRig, listening: socket.socket
) -> None:
    rig = make_rig((HOST, free_port()), (HOST, free_port()), listening.getsockname())
    rig.begin()
    rig.connect()
    listening.accept()[0].close()


def test_an_address_that_never_answers_has_a_head_start_only(
    make_rig: MakeRig, black_hole: Any, listening: socket.socket
) -> None:
    rig = make_rig(black_hole, listening.getsockname())
    rig.begin()
    rig.transport.advance(NOW)  # too soon for the next one
    assert len(rig.watched) == 1
    rig.now = rig.transport.wake_at
    assert rig.now == NOW + HEAD_START_SECONDS
    rig.transport.advance(rig.now)
    assert len(rig.watched) == 2
    rig.connect()

    assert rig.watched == {}
    assert rig.transport.wake_at == inf
    listening.accept()[0].close()


def test_an_address_may_still_answer_after_its_head_start(
    make_rig: MakeRig, black_hole: Any, listening: socket.socket
) -> None:
    rig = make_rig(listening.getsockname(), black_hole)
    rig.begin()
    rig.now = rig.transport.wake_at
    rig.transport.advance(rig.now)
    rig.connect()
    listening.accept()[0].close()


def test_the_addresses_that_have_not_answered_are_told(make_rig: MakeRig, black_hole: Any) -> None:
    rig = make_rig(black_hole, black_hole)
    assert rig.link.waiting_for == 'address of its name'
    rig.begin()
    assert rig.link.waiting_for == f'answer from {HOST}'
    assert rig.transport.wake_at == inf  # It is the same address; ending it is for the engine.


def test_when_all_addresses_refuse_the_last_says_why(make_rig: MakeRig) -> None:
    rig = make_rig((HOST, free_port()), (HOST, free_port()))
    rig.begin()
    rig.step()
    with pytest.raises(ConnectionRefusedError):
        rig.step()
    assert rig.watched == {}


def test_a_name_without_an_address(make_rig: MakeRig) -> None:
    with pytest.raises(ConnectionDead, match='no address'):
        make_rig().begin()


@pytest.mark.usefixtures('no_leaks')
def test_closing_leaves_no_socket_that_is_still_connecting(
    make_rig: MakeRig, black_hole: Any
) -> None:
    rig = make_rig(black_hole)
    rig.begin()
    rig.transport.close()
    assert rig.watched == {}


# TLS


def test_tls_sends_many_pieces_at_once(
    certificates: Certificates, listening: socket.socket
) -> None:
    pieces: list[Buffer] = [b'%d' % (number % 10) * 100 for number in range(40)]
    with ThreadPoolExecutor(1) as pool:
        received = pool.submit(receive_with_tls, listening, certificates)
        with closing(connect_with_tls(listening, certificates).transport) as transport:
            assert transport.send(pieces) == 4000
            assert transport.flushed
            assert received.result(PATIENCE) == b''.join(pieces)


def receive_with_tls(listening: socket.socket, certificates: Certificates) -> bytes:
    """Accept one connection, and return the first 4000 bytes that come."""
    peer, _ = listening.accept()
    with server_context(certificates).wrap_socket(peer, server_side=True) as stream:
        received = b''
        while len(received) < 4000:
            received += stream.recv(1 << 16)
        return received


def server_context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server)
    return context


def connect_with_tls(listening: socket.socket, certificates: Certificates) -> TransportRig:
    host, port = listening.getsockname()
    authority = certificates.authority
    rig = TransportRig(NodeDefinition(host, 'u', 'p', port=port, cacertfile=authority))
    rig.transport.advance(NOW)
    rig.connect()
    return rig


# The end


def reset(peer: socket.socket) -> None:
    """Close a socket with RST."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    peer.close()


def fill(transport: Transport) -> None:
    """Send until the socket takes no more."""
    while transport.send([bytes(MiB)]):
        pass


def test_a_reset_under_a_full_socket_is_told_and_nothing_more_is_written(
    make_rig: MakeRig, listening: socket.socket
) -> None:
    rig = make_rig(listening.getsockname())
    rig.begin()
    rig.connect()
    peer, _ = listening.accept()
    fill(rig.transport)
    reset(peer)
    assert rig.transport.send([b'x']) == 0
    assert isinstance(rig.transport.failure, ConnectionResetError)

    rig.transport.watch_for(reading=False, writing=False)
    with pytest.raises(ConnectionResetError):
        rig.step()
    assert rig.transport.send([b'x']) == 0


def test_the_last_words_of_a_broker_are_heard_after_a_failed_write(
    make_rig: MakeRig, listening: socket.socket
) -> None:
    rig = make_rig(listening.getsockname())
    rig.begin()
    rig.connect()
    peer, _ = listening.accept()
    rig.transport.send([b'not read'])
    peer.sendall(b'the reason')
    peer.close()  # with RST, since it has not read everything
    while rig.transport.failure is None:
        rig.transport.send([b'x'])
    rig.transport.watch_for(reading=False, writing=True)
    rig.step()
    assert rig.received == b'the reason'
    with pytest.raises(OSError, match=r'reset by peer|Broken pipe'):
        rig.step()


def test_a_reset_under_a_full_socket_with_tls_is_told_and_nothing_more_is_encrypted(
    certificates: Certificates, listening: socket.socket
) -> None:
    def accept_and_reset() -> None:
        peer, _ = listening.accept()
        stream = server_context(certificates).wrap_socket(peer, server_side=True)
        stream.recv(1)
        reset(stream)

    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(accept_and_reset)
        rig = connect_with_tls(listening, certificates)
        with closing(rig.transport):
            fill(rig.transport)
            ended.result(PATIENCE)
            rig.transport.watch_for(reading=False, writing=True)
            rig.transport.flush()
            assert isinstance(rig.transport.failure, ConnectionResetError)
            assert rig.transport.send([b'x']) == 0
            with pytest.raises(ConnectionResetError):
                rig.step_to_the_end()


def test_nothing_is_watched_that_nobody_waits_for(
    make_rig: MakeRig, listening: socket.socket
) -> None:
    rig = make_rig(listening.getsockname())
    rig.begin()
    rig.connect()
    listening.accept()[0].close()
    rig.transport.watch_for(reading=True, writing=False)
    assert list(rig.watched.values()) == [selectors.EVENT_READ]
    rig.transport.watch_for(reading=False, writing=False)
    assert rig.watched == {}
