"""The broker's side of the handshake: protocol header, login, limits, virtual host.

See AMQP 0-9-1, section 2.2.4.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

from coolamqp.broker.errors import Refusal
from coolamqp.broker.login import MalformedLogin, log_in, mechanisms
from coolamqp.broker.session import Session
from coolamqp.exceptions import CoolAMQPError
from coolamqp.framing.definitions import (
    FRAME_MIN_SIZE,
    ConnectionOpen,
    ConnectionOpenOk,
    ConnectionStart,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
)
from coolamqp.framing.field_table import plain_table
from coolamqp.framing.frames import PROTOCOL_HEADER, encode_method
from coolamqp.framing.method import Method
from coolamqp.framing.text import text_bytes
from coolamqp.reply_codes import ACCESS_REFUSED

_VERSION: Final = (0, 9)
_LOCALE: Final = 'en_US'
# The headers of AMQP 0-9-1, and of 0-9, which RabbitMQ accepts too.
_ACCEPTED: Final = (PROTOCOL_HEADER, b'AMQP\x01\x01\x00\x09')


class Stage(Enum):
    """The part of the handshake for which the broker waits."""

    HEADER = 'protocol header'
    START_OK = 'connection.start-ok'
    TUNE_OK = 'connection.tune-ok'
    OPEN = 'connection.open'
    DONE = 'nothing'


class HandshakeError(CoolAMQPError):
    """A failure of the handshake after which the broker closes the socket without connection.close.

    RabbitMQ does the same, see AMQP 0-9-1, section 2.2.4.
    """


class Handshake:
    """The handshake of one connection.

    :param common_name: the common name in the certificate of the client; None without a certificate
    :ivar client_properties: the client properties, as plain values
    :ivar channel_max: the agreed number of channels
    :ivar heartbeat: the agreed interval in seconds, 0 for none
    """

    def __init__(self, session: Session, common_name: str | None) -> None:
        self.stage = Stage.HEADER
        self.client_properties: dict[str, Any] = {}
        self.channel_max = session.state.limits.channel_max
        self.heartbeat = 0
        self._session = session
        self._state = session.state
        self._common_name = common_name
        self._beginning = b''
        self._wants_login_errors = False

    def receive_header(self, data: bytes) -> bytes:
        """Process the first bytes of a client; return the bytes after the protocol header.

        :raises HandshakeError: the bytes are not a protocol header of AMQP 0-9-1
        """
        start = self._beginning + data
        size = len(PROTOCOL_HEADER)
        if start[:size] in _ACCEPTED:
            offered = ' '.join(mechanisms(self._common_name))
            properties = self._state.server_properties
            self._send(ConnectionStart(*_VERSION, properties, offered, _LOCALE))
            self.stage = Stage.START_OK
            return start[size:]
        if len(start) < size and any(each.startswith(start) for each in _ACCEPTED):
            self._beginning = start
            return b''
        self._session.send(PROTOCOL_HEADER)
        raise HandshakeError(f'the client begins with {start[:size]!r}, which is not AMQP 0-9-1')

    def on_method(self, method: Method) -> None:
        """Process a method of the handshake.

        :raises HandshakeError: the method is unexpected, or its values are not acceptable
        :raises Refusal: the broker refuses the login or the virtual host
        """
        if self.stage is Stage.START_OK and isinstance(method, ConnectionStartOk):
            self._on_start_ok(method)
        elif self.stage is Stage.TUNE_OK and isinstance(method, ConnectionTuneOk):
            self._on_tune_ok(method)
        elif self.stage is Stage.OPEN and isinstance(method, ConnectionOpen):
            self._on_open(method)
        else:
            raise HandshakeError(
                f'the client sends {method.NAME}, but {self.stage.value} must come'
            )

    def _on_start_ok(self, method: ConnectionStartOk) -> None:
        decoded: Any = method.client_properties or []
        self.client_properties = plain_table(decoded)
        capabilities = self.client_properties.get('capabilities')
        if isinstance(capabilities, dict):
            session = self._session
            session.wants_cancel_notices = capabilities.get('consumer_cancel_notify') is True
            session.wants_blocked_notices = capabilities.get('connection.blocked') is True
            self._wants_login_errors = capabilities.get('authentication_failure_close') is True
        mechanism = _text(method.mechanism)
        response = text_bytes(method.response, 'response')
        try:
            user = log_in(self._state.users, mechanism, response, self._common_name)
        except MalformedLogin as error:
            raise HandshakeError(str(error)) from None
        if user is None:
            raise self._login_error(mechanism)
        self._session.log_in(user)
        limits = self._state.limits
        self._send(ConnectionTune(limits.channel_max, limits.frame_max, limits.heartbeat))
        self.stage = Stage.TUNE_OK

    def _login_error(self, mechanism: str) -> CoolAMQPError:
        refusal = Refusal(
            ACCESS_REFUSED,
            f'Login was refused using authentication mechanism {mechanism}. '
            'For details see the broker logfile.',
        )
        return refusal if self._wants_login_errors else HandshakeError(str(refusal))

    def _on_tune_ok(self, method: ConnectionTuneOk) -> None:
        limits = self._state.limits
        if not FRAME_MIN_SIZE <= method.frame_max <= limits.frame_max:
            raise HandshakeError(
                f'the client sets frame_max to {method.frame_max}; '
                f'it must be between {FRAME_MIN_SIZE} and {limits.frame_max}'
            )
        if not 0 < method.channel_max <= limits.channel_max:
            raise HandshakeError(
                f'the client sets channel_max to {method.channel_max}; '
                f'it must be between 1 and {limits.channel_max}'
            )
        self._session.frame_max = method.frame_max
        self.channel_max = method.channel_max
        self.heartbeat = method.heartbeat
        self.stage = Stage.OPEN

    def _on_open(self, method: ConnectionOpen) -> None:
        name = _text(method.virtual_host)
        vhost = self._state.vhosts.get(name)
        self._state.users.check_vhost(self._session.user, name, exists=vhost is not None)
        if vhost is not None:
            self._session.open(vhost)
        self.stage = Stage.DONE
        self._send(ConnectionOpenOk())

    def _send(self, method: Method) -> None:
        self._session.send(encode_method(0, method))


def _text(value: str | bytes) -> str:
    return text_bytes(value, 'text').decode('utf-8', 'replace')
