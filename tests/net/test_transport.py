"""A transport that is connected: what it sends, and what ends it."""

from __future__ import annotations

import selectors
import socket
import ssl
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.hot import Buffer
from coolamqp.net.transport import Transport
from coolamqp.objects import NodeDefinition
from tests.net.conftest import MakeRig
from tests.net.rig import NOW, PATIENCE, TransportRig
from tests.support.certificates import Certificates

MiB = 1024 * 1024


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


def test_an_end_without_close_notify_is_a_cut(
    certificates: Certificates, listening: socket.socket
) -> None:
    def shake_hands_and_hang_up() -> None:
        peer, _ = listening.accept()
        server_context(certificates).wrap_socket(peer, server_side=True).close()

    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(shake_hands_and_hang_up)
        rig = connect_with_tls(listening, certificates)
        with closing(rig.transport):
            ended.result(PATIENCE)
            rig.transport.watch_for(reading=True, writing=False)
            with pytest.raises(ConnectionDead, match='was cut'):
                rig.step_to_the_end()


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
