"""TLS between a socket and what goes over it: ciphertext on one side, plain bytes on the other.

Owns the TLS of one connection, in memory. Touches no socket, so it never waits, and need not care
in which direction TLS wants to go on: what is to be sent is always in `unsent`.
"""

from __future__ import annotations

import ssl
from typing import Final

from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.hot import Buffer
from coolamqp.net.tls import failure_of, make_context, no_tls, server_name
from coolamqp.objects import NodeDefinition

# How much is encrypted at once; it waits here as ciphertext until the socket has taken it.
ENCRYPTED_MAX: Final = 256 * 1024
_RECORD_MAX: Final = 16 * 1024  # RFC 8446, section 5.1
# The content types of alerts and handshakes, with one of which a peer that speaks TLS begins.
_FIRST_OCTETS: Final = (b'\x15', b'\x16')


class TLSStream:
    """The client's side of TLS with one node.

    :ivar unsent: ciphertext on its way to the socket
    :raises ConnectionDead: the node's files cannot be used
    """

    def __init__(self, node: NodeDefinition) -> None:
        if node.tls is None:
            raise ValueError(f'{node} is a node without TLS')
        self.unsent: Buffer = b''
        self._node = node
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        try:
            self._tls = make_context(node.tls).wrap_bio(
                self._incoming, self._outgoing, server_hostname=server_name(node)
            )
        except ValueError as error:  # of a file, or of a name that no certificate can have
            raise ConnectionDead(f'no TLS: {error}') from error
        self._heard = False
        self._end: ConnectionDead | None = None

    def shake_hands(self, received: bytes | None) -> bool:
        """Go on with the handshake.

        :param received: what the socket had, None for nothing, empty at its end
        :returns: whether it is over
        :raises ConnectionDead: it has failed; what is in `unsent` may tell the broker so
        """
        if received == b'':
            raise ConnectionDead('the peer hung up in the TLS handshake; does the port speak TLS?')
        if received:
            self._take(received)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise failure_of(error, self._node) from error
        finally:
            self._collect()
        return True

    def encrypt(self, data: Buffer) -> int:
        """Encrypt as much as should be on its way at once; give how much that was.

        :raises ConnectionDead: the broker has ended TLS
        """
        if self.unsent:
            return 0
        try:
            return self._tls.write(memoryview(data)[:ENCRYPTED_MAX]) if data else 0
        except ssl.SSLError as error:
            raise failure_of(error, self._node) from error
        finally:
            self._collect()

    def decrypt(self, received: bytes) -> bytes:
        """Give the plain bytes in what the socket had, which may be none.

        :param received: empty at its end
        :raises ConnectionDead: the broker has ended TLS, or the connection was cut
        """
        if not received:
            raise self._end or ConnectionDead('the connection was cut: it ends without end of TLS')
        self._take(received)
        plain = b''.join(iter(self._read, b''))
        self._collect()
        if self._end is not None and not plain:
            raise self._end
        return plain

    def _read(self) -> bytes:
        """Read a record; empty if there is no more, or no more to come."""
        if self._end is not None:
            return b''
        try:
            plain = self._tls.read(_RECORD_MAX)
        except ssl.SSLWantReadError:
            return b''
        except ssl.SSLError as error:
            self._end = failure_of(error, self._node)
            return b''
        if not plain:
            self._end = ConnectionDead('the broker has closed the connection')
        return plain

    def end(self) -> None:
        """Have the broker told, by a close_notify in `unsent`, that nothing more will come."""
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            return  # it waits for the answer, or there is no TLS any more: both are well
        finally:
            self._collect()

    def _take(self, received: bytes) -> None:
        if not self._heard and received[:1] not in _FIRST_OCTETS:
            raise no_tls()
        self._heard = True
        self._incoming.write(received)

    def _collect(self) -> None:
        if self._outgoing.pending:
            self.unsent = bytes(self.unsent) + self._outgoing.read()
