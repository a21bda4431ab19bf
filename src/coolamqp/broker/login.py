"""The broker's side of SASL: https://www.rabbitmq.com/docs/access-control#mechanisms."""

from __future__ import annotations

from typing import Final

from coolamqp.broker.errors import shown
from coolamqp.broker.users import User, Users
from coolamqp.exceptions import CoolAMQPError, WireError
from coolamqp.framing.field_table import read_table
from coolamqp.framing.primitives import LONG, Reader

PLAIN: Final = 'PLAIN'
AMQPLAIN: Final = 'AMQPLAIN'
EXTERNAL: Final = 'EXTERNAL'
ANONYMOUS: Final = 'ANONYMOUS'
# RabbitMQ 4 logs in this user by ANONYMOUS, if the user exists.
_ANONYMOUS_USER: Final = 'guest'
_PLAIN_PARTS: Final = 3


def mechanisms(common_name: str | None) -> list[str]:
    """Return the mechanisms to offer.

    :param common_name: the common name in the certificate of the client; None without a certificate
    """
    offered = [ANONYMOUS, PLAIN, AMQPLAIN]
    return offered if common_name is None else [*offered, EXTERNAL]


class MalformedLogin(CoolAMQPError):
    """A mechanism that the broker does not offer, or a malformed response to a mechanism."""


def log_in(users: Users, mechanism: str, response: bytes, common_name: str | None) -> User | None:
    """Return the user of a SASL response; None if user or password is wrong.

    :raises MalformedLogin: the mechanism is not offered, or the response is malformed
    """
    if mechanism not in mechanisms(common_name):
        raise MalformedLogin(f'the client logs in by {mechanism}, which the broker does not offer')
    if mechanism == PLAIN:
        return _plain(users, response)
    if mechanism == AMQPLAIN:
        return _amqplain(users, response)
    if mechanism == EXTERNAL and common_name is not None:
        return users.get(common_name)
    return users.get(_ANONYMOUS_USER)


def _plain(users: Users, response: bytes) -> User | None:
    parts = response.split(b'\0')  # RFC 4616, without an authorization identity
    if len(parts) != _PLAIN_PARTS or parts[0]:
        raise MalformedLogin('the response of the client to PLAIN is malformed')
    return users.log_in(shown(parts[1]), shown(parts[2]))


def _amqplain(users: Users, response: bytes) -> User | None:
    # A table without its length, from AMQP 0-8.
    data = LONG.pack(len(response)) + response
    try:
        table = read_table(Reader(data, 0, len(data), 'the response of AMQPLAIN'))
    except WireError:
        raise MalformedLogin('the response of the client to AMQPLAIN is malformed') from None
    fields = {bytes(name): value for name, (value, letter) in table if letter == 'S'}
    return users.log_in(shown(fields.get(b'LOGIN', b'')), shown(fields.get(b'PASSWORD', b'')))
