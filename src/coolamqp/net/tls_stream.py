"""The TLS stream: ciphertext for the socket on one side, plain bytes on the other.

Owns the TLS of one connection, in memory. Touches no socket, so it never waits, and need not care
in which direction TLS wants to go on: what is to be sent is always in `unsent`.
"""

from __future__ import annotations

import ssl
from typing import Final

from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.hot import Buffer
from coolamqp.net.tls import failure_of, hung_up, make_context, no_tls, server_name
from coolamqp.objects import NodeDefinition

# How many bytes are encrypted at once. They wait here until the socket has taken them.
ENCRYPTED_MAX: Final = 256 * 1024
_RECORD_MAX: Final = 16 * 1024  # RFC 8446, section 5.1
# A peer that speaks TLS begins with the content type of an alert or of a handshake.
_FIRST_OCTETS: Final = (b'\x15', b'\x16')


class TLSStream:
    """The client's side of TLS with one node.

    :ivar unsent: ciphertext on its way to the socket
    :raises ConnectionDead: a file of the node cannot be used
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

        :param received: bytes from the socket; None if there are none yet, empty at its end
        :returns: whether the handshake is complete
        :raises ConnectionDead: it has failed; `unsent` may have an alert for the broker
        """
        if received == b'':
            raise hung_up()
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
        """Encrypt at most as much as may be on its way; return how many bytes that was.

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
        """Return the plain bytes in bytes from the socket; there may be none.

        :param received: bytes from the socket; empty at its end
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
        """Read a record; empty if there is none."""
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
        """Put a close_notify into `unsent`: nothing more will come."""
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
