"""How a transport finds its way: every address of a name, each with its share of the time."""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any, TypeAlias

import pytest

from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.hot import Buffer
from coolamqp.net.transport import Transport
from coolamqp.objects import NodeDefinition
from coolamqp.supervisor.link import Link
from tests.support.certificates import Certificates
from tests.support.ports import HOST, free_port

MakeTransport: TypeAlias = Callable[..., Transport]

PATIENCE = 10.0  # seconds, for what must happen in the end
NOW = 1000.0


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
def make_transport(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeTransport]:
    """Make a transport to a name with these addresses, for which it has twelve seconds."""
    made: list[Transport] = []

    def make(*addresses: Any) -> Transport:
        def look_up(*_: Any, flags: int = 0, **__: Any) -> list[Any]:
            if flags & socket.AI_NUMERICHOST:
                raise socket.gaierror('no number')
            return [(socket.AF_INET, socket.SOCK_STREAM, 0, '', address) for address in addresses]

        monkeypatch.setattr(socket, 'getaddrinfo', look_up)
        resolved = threading.Event()
        node = NodeDefinition('rabbit.example', 'guest', 'guest')
        made.append(Transport(Link(node, NOW + 12, lambda: None), resolved.set))
        assert resolved.wait(PATIENCE)
        assert made[-1].is_due(NOW)
        return made[-1]

    yield make
    for transport in made:
        transport.close()


def go_on(transport: Transport, now: float) -> None:
    """Do what a listener does when the socket is ready."""
    with selectors.DefaultSelector() as selector:
        assert transport.socket is not None
        selector.register(transport.socket, transport.interest)
        assert selector.select(PATIENCE)
    transport.finish_connecting(now)


def test_a_name_with_one_address(make_transport: MakeTransport, listening: socket.socket) -> None:
    transport = make_transport(listening.getsockname())
    transport.advance(NOW)
    assert transport.wake_at == float('inf')
    go_on(transport, NOW)

    assert transport.connected
    assert transport.interest == 0
    peer, _ = listening.accept()
    with peer:
        assert transport.send([b'he', b'llo']) == 5
        assert peer.recv(5) == b'hello'


def test_tls_sends_many_pieces_at_once(
    certificates: Certificates, listening: socket.socket
) -> None:
    pieces: list[Buffer] = [b'%d' % (number % 10) * 100 for number in range(40)]
    with ThreadPoolExecutor(1) as pool:
        received = pool.submit(receive_with_tls, listening, certificates)
        with closing(transport_with_tls(listening, certificates)) as transport:
            assert transport.send(pieces) == 4000
            assert transport.flushed
        assert received.result(PATIENCE) == b''.join(pieces)


def receive_with_tls(listening: socket.socket, certificates: Certificates) -> bytes:
    """Accept one connection, and return all that comes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server)
    peer, _ = listening.accept()
    with context.wrap_socket(peer, server_side=True) as stream:
        return b''.join(iter(lambda: stream.recv(1 << 16), b''))


def transport_with_tls(listening: socket.socket, certificates: Certificates) -> Transport:
    host, port = listening.getsockname()
    authority = certificates.authority
    node = NodeDefinition(host, 'u', 'p', port=port, cacertfile=authority)
    transport = Transport(Link(node, NOW + 12, lambda: None), lambda: None)
    transport.advance(NOW)
    while not transport.connected:
        go_on(transport, NOW)
    return transport


def test_an_address_that_refuses_is_passed_over(
    make_transport: MakeTransport, listening: socket.socket
) -> None:
    transport = make_transport((HOST, free_port()), (HOST, free_port()), listening.getsockname())
    transport.advance(NOW)
    while not transport.connected:
        go_on(transport, NOW)

    listening.accept()[0].close()


def test_an_address_that_never_answers_does_not_hide_the_next(
    make_transport: MakeTransport, black_hole: Any, listening: socket.socket
) -> None:
    transport = make_transport(black_hole, black_hole, listening.getsockname())
    transport.advance(NOW)
    assert transport.wake_at == NOW + 4  # a third of the time
    assert not transport.is_due(NOW + 3.9)

    assert transport.is_due(NOW + 4)
    transport.advance(NOW + 4)
    assert transport.wake_at == NOW + 8  # a half of what is left
    transport.advance(NOW + 8)
    go_on(transport, NOW + 8)

    assert transport.connected
    assert not transport.is_due(NOW + 100)
    listening.accept()[0].close()


def test_the_last_address_has_all_the_time_that_is_left(
    make_transport: MakeTransport, black_hole: Any
) -> None:
    transport = make_transport(black_hole)
    transport.advance(NOW)
    assert not transport.is_due(NOW + 100)  # ending it is for the engine
    assert transport.link.waiting_for == f'answer from {HOST}'


def test_when_all_addresses_refuse_the_last_says_why(make_transport: MakeTransport) -> None:
    transport = make_transport((HOST, free_port()), (HOST, free_port()))
    transport.advance(NOW)
    go_on(transport, NOW)
    with pytest.raises(ConnectionRefusedError):
        go_on(transport, NOW)
    assert transport.socket is None


def test_a_name_without_an_address(make_transport: MakeTransport) -> None:
    transport = make_transport()
    with pytest.raises(ConnectionDead, match='no address'):
        transport.advance(NOW)
