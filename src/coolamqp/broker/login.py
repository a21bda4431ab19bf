"""The login: SASL mechanisms, the broker's side (https://www.rabbitmq.com/docs/access-control)."""

from __future__ import annotations

from typing import Final

from coolamqp.broker.users import User, Users
from coolamqp.exceptions import CoolAMQPError, WireError
from coolamqp.framing.field_table import read_table
from coolamqp.framing.primitives import LONG, Reader

PLAIN: Final = 'PLAIN'
AMQPLAIN: Final = 'AMQPLAIN'
EXTERNAL: Final = 'EXTERNAL'
ANONYMOUS: Final = 'ANONYMOUS'
# The user that RabbitMQ 4 logs in without a password, if there is one of this name.
_ANONYMOUS_USER: Final = 'guest'
_PLAIN_PARTS: Final = 3


def mechanisms(certified: str | None) -> list[str]:
    """Return the mechanisms to offer.

    :param certified: the common name in the certificate of the client; None without a certificate
    """
    offered = [ANONYMOUS, PLAIN, AMQPLAIN]
    return offered if certified is None else [*offered, EXTERNAL]


class MalformedLogin(CoolAMQPError):
    """A mechanism that the broker did not offer, or a response that is not of its form."""


def log_in(users: Users, mechanism: str, response: bytes, certified: str | None) -> User | None:
    """Return the user that a response logs in; None if it does not.

    :raises MalformedLogin: the broker cannot understand the login
    """
    if mechanism not in mechanisms(certified):
        raise MalformedLogin(f'it logs in by {mechanism}, which the broker did not offer')
    if mechanism == PLAIN:
        return _plain(users, response)
    if mechanism == AMQPLAIN:
        return _amqplain(users, response)
    if mechanism == EXTERNAL and certified is not None:
        return users.get(certified)
    return users.get(_ANONYMOUS_USER)


def _plain(users: Users, response: bytes) -> User | None:
    parts = response.split(b'\0')  # RFC 4616; nobody may act for another
    if len(parts) != _PLAIN_PARTS or parts[0]:
        raise MalformedLogin('its response to PLAIN is malformed')
    return users.log_in(_text(parts[1]), _text(parts[2]))


def _amqplain(users: Users, response: bytes) -> User | None:
    # A table without its length, from AMQP 0-8.
    data = LONG.pack(len(response)) + response
    try:
        table = read_table(Reader(data, 0, len(data), 'the response of AMQPLAIN'))
    except WireError:
        raise MalformedLogin('its response to AMQPLAIN is malformed') from None
    fields = {bytes(name): value for name, (value, letter) in table if letter == 'S'}
    return users.log_in(_text(fields.get(b'LOGIN', b'')), _text(fields.get(b'PASSWORD', b'')))


def _text(value: bytes) -> str:
    return value.decode('utf-8', 'replace')
