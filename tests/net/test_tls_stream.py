"""TLS in memory: our side of it against that of a server made by the standard library."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from coolamqp.exceptions import ConnectionDead
from coolamqp.net.tls_stream import ENCRYPTED_MAX, TLSStream
from coolamqp.objects import NodeDefinition
from tests.support.certificates import Certificates


class Server:
    """The other side.

    :param certificate: of the server, with its key
    :param options: attributes of its context
    """

    def __init__(self, certificate: str, authority: str, **options: Any) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        context.load_verify_locations(authority)
        for name, value in options.items():
            setattr(context, name, value)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.up = False

    def take(self, data: Any) -> None:
        self._incoming.write(data)

    def shake_hands(self) -> None:
        try:
            self.tls.do_handshake()
            self.up = True
        except ssl.SSLWantReadError:
            return

    def give(self) -> bytes:
        """Give all that is to be sent to the client."""
        return self._outgoing.read()

    def read(self, size: int) -> bytes:
        """Read as much, which must be there."""
        data = b''
        while len(data) < size:
            data += self.tls.read(size - len(data))
        return data


def node(certificates: Certificates, **options: Any) -> NodeDefinition:
    return NodeDefinition(
        'localhost', 'u', 'p', **{'cacertfile': certificates.authority, **options}
    )


def send(stream: TLSStream, server: Server) -> None:
    """Have the server take what the client has to send."""
    server.take(stream.unsent)
    stream.unsent = b''


def shake_hands(stream: TLSStream, server: Server, size: int = 1 << 20) -> None:
    """Shake hands, the server's words coming in pieces of a size."""
    done = stream.shake_hands(None)
    while not (done and server.up):
        send(stream, server)
        server.shake_hands()
        said = server.give()
        for at in range(0, len(said), size):
            done = stream.shake_hands(said[at : at + size])


def connected(certificates: Certificates, **options: Any) -> tuple[TLSStream, Server]:
    server = Server(certificates.server, certificates.authority, **options)
    stream = TLSStream(node(certificates))
    shake_hands(stream, server)
    return stream, server


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize('version', VERSIONS)
@pytest.mark.parametrize('size', [1, 7, 1 << 20])
def test_bytes_both_ways(certificates: Certificates, version: ssl.TLSVersion, size: int) -> None:
    server = Server(certificates.server, certificates.authority, maximum_version=version)
    stream = TLSStream(node(certificates))
    shake_hands(stream, server, size)

    assert stream.encrypt(b'there') == 5
    send(stream, server)
    assert server.read(5) == b'there'
    server.tls.write(b'and back')
    said = server.give()
    heard = [stream.decrypt(said[at : at + size]) for at in range(0, len(said), size)]
    assert b''.join(heard) == b'and back'


def test_no_more_is_encrypted_than_the_socket_takes(certificates: Certificates) -> None:
    stream, server = connected(certificates)
    data = bytes(range(256)) * (ENCRYPTED_MAX // 128)

    assert stream.encrypt(data) == ENCRYPTED_MAX
    assert stream.encrypt(data) == 0
    send(stream, server)
    assert server.read(ENCRYPTED_MAX) == data[:ENCRYPTED_MAX]
    assert stream.encrypt(memoryview(data)[ENCRYPTED_MAX:]) == ENCRYPTED_MAX
    send(stream, server)
    assert server.read(ENCRYPTED_MAX) == data[ENCRYPTED_MAX:]
    assert stream.encrypt(b'') == 0


def test_nothing_that_was_received_stays_behind(certificates: Certificates) -> None:
    stream, server = connected(certificates)
    data = bytes(range(256)) * 400
    server.tls.write(data)
    assert stream.decrypt(server.give()) == data


# Endings


def test_the_broker_is_told_of_our_end(certificates: Certificates) -> None:
    stream, server = connected(certificates)
    stream.end()
    send(stream, server)
    assert server.tls.read(1) == b''  # a close_notify
    stream.end()


def test_an_end_with_close_notify(certificates: Certificates) -> None:
    stream, server = connected(certificates)
    server.tls.write(b'last words')
    with pytest.raises(ssl.SSLWantReadError):
        server.tls.unwrap()

    assert stream.decrypt(server.give()) == b'last words'
    with pytest.raises(ConnectionDead, match='the broker has closed the connection'):
        stream.decrypt(b'')


def test_an_end_without_close_notify_is_a_cut(certificates: Certificates) -> None:
    stream, server = connected(certificates)
    server.tls.write(b'last words')
    assert stream.decrypt(server.give()) == b'last words'

    with pytest.raises(ConnectionDead, match='was cut'):
        stream.decrypt(b'')


def test_bytes_that_were_tampered_with(certificates: Certificates) -> None:
    stream, server = connected(certificates)
    server.tls.write(b'true words')
    said = bytearray(server.give())
    said[-1] ^= 1

    with pytest.raises(ConnectionDead, match='TLS failed'):
        stream.decrypt(bytes(said))


# Refusals


@pytest.mark.parametrize(
    ('certificate', 'options', 'words'),
    [
        ('expired', {}, "broker's certificate has expired"),
        ('elsewhere', {}, 'is not for localhost .*as server_name_indication'),
        ('server', {'server_name_indication': 'other'}, 'is not for other'),
        ('impostor', {}, 'from an authority that is not trusted .*as cacertfile'),
    ],
)
def test_a_certificate_that_is_refused(
    certificates: Certificates, certificate: str, options: dict[str, Any], words: str
) -> None:
    server = Server(getattr(certificates, certificate), certificates.authority)
    stream = TLSStream(node(certificates, **options))

    with pytest.raises(ConnectionDead, match=words):
        shake_hands(stream, server)

    server.take(stream.unsent)
    with pytest.raises(ssl.SSLError, match='ALERT'):  # the broker is told why
        server.tls.do_handshake()


@pytest.mark.parametrize('version', VERSIONS)
def test_a_broker_that_wants_a_certificate(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    server = Server(
        certificates.server,
        certificates.authority,
        verify_mode=ssl.CERT_REQUIRED,
        maximum_version=version,
    )
    stream = TLSStream(node(certificates))

    with pytest.raises(ssl.SSLError):
        shake_hands(stream, server)
    # In TLS 1.3 the handshake is over for us by then.
    hear = stream.decrypt if version is ssl.TLSVersion.TLSv1_3 else stream.shake_hands
    with pytest.raises(ConnectionDead, match=r'the alert ".*"; .* as certfile'):
        hear(server.give())


def test_a_broker_with_old_tls_only(certificates: Certificates) -> None:
    stream = TLSStream(node(certificates))
    stream.shake_hands(None)
    with pytest.raises(ConnectionDead, match='alert "protocol version"'):
        stream.shake_hands(b'\x15\x03\x01\x00\x02\x02\x46')


@pytest.mark.parametrize('said', [b'AMQP\0\0\x09\x01', b'HTTP/1.1 400 Bad Request', b'A'])
def test_a_peer_without_tls(certificates: Certificates, said: bytes) -> None:
    stream = TLSStream(node(certificates))
    stream.shake_hands(None)
    with pytest.raises(ConnectionDead, match='does not speak TLS'):
        stream.shake_hands(said)


def test_a_peer_that_hangs_up_in_the_handshake(certificates: Certificates) -> None:
    stream = TLSStream(node(certificates))
    stream.shake_hands(None)
    with pytest.raises(ConnectionDead, match='hung up in the TLS handshake'):
        stream.shake_hands(b'')


def test_a_name_that_no_certificate_can_have(certificates: Certificates) -> None:
    with pytest.raises(ConnectionDead, match='no TLS: '):
        TLSStream(node(certificates, server_name_indication='.example'))


def test_a_file_that_is_gone_since(certificates: Certificates) -> None:
    with pytest.raises(ConnectionDead, match='cacertfile /nowhere cannot be read'):
        TLSStream(node(certificates, cacertfile='/nowhere'))
