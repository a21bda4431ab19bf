"""The login: SASL mechanism and response (https://www.rabbitmq.com/docs/access-control)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from coolamqp.exceptions import CoolAMQPError, WireError
from coolamqp.framing.field_table import encode_table
from coolamqp.objects import NodeDefinition
from coolamqp.reply_codes import NOT_IMPLEMENTED


@dataclass
class Login:
    """The answer to the mechanisms that a broker offers.

    :ivar mechanism: the chosen one
    :ivar response: its response, with the credentials
    """

    mechanism: str
    response: bytes = field(repr=False)


def choose_login(node: NodeDefinition, offered: list[str]) -> Login:
    """Return a login by the first mechanism of the node that the broker offers.

    :raises CoolAMQPError: the broker offers none of them
    """
    for mechanism in node.auth_mechanism:
        if mechanism in offered:
            return Login(mechanism, _RESPONSES[mechanism](node))
    raise CoolAMQPError(
        f'the broker offers to log in by {" or ".join(offered) or "nothing"}, '
        f'and auth_mechanism of the node allows {" or ".join(node.auth_mechanism)}'
    )


def unanswerable_challenge(mechanism: str) -> WireError:
    """Make the error for a connection.secure: these mechanisms have one response only."""
    what = f'the broker sent a SASL challenge, and {mechanism} has no answer to one'
    return WireError(what, 'in connection.secure', NOT_IMPLEMENTED)


def shows_password(node: NodeDefinition) -> bool:
    """Whether the login sends a password over a network without TLS."""
    by_password = any(mechanism != 'EXTERNAL' for mechanism in node.auth_mechanism)
    return by_password and node.tls is None and not _is_loopback(node.host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name; RFC 6761, section 6.3, lists those of loopback
        name = host.rstrip('.').lower()
        return name == 'localhost' or name.endswith('.localhost')


def _plain(node: NodeDefinition) -> bytes:
    return f'\0{node.user}\0{node.password}'.encode()  # RFC 4616


def _amqplain(node: NodeDefinition) -> bytes:
    # A table without its length, from AMQP 0-8.
    return encode_table({'LOGIN': node.user, 'PASSWORD': node.password})[4:]


def _user_only(node: NodeDefinition) -> bytes:
    # The identity to act as (RFC 4422, appendix A); RabbitMQ uses the certificate alone.
    return node.user.encode()


_RESPONSES: Final[dict[str, Callable[[NodeDefinition], bytes]]] = {
    'PLAIN': _plain,
    'AMQPLAIN': _amqplain,
    'EXTERNAL': _user_only,
}
