"""Logging in: which SASL mechanism, and what it says (https://www.rabbitmq.com/docs/access-control)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from coolamqp.exceptions import CoolAMQPError
from coolamqp.framing.field_table import encode_table
from coolamqp.objects import NodeDefinition

# In the order in which we take them.
MECHANISMS: Final = ('PLAIN', 'AMQPLAIN')


@dataclass
class Login:
    """An answer to the broker's offer of mechanisms."""

    mechanism: str
    response: bytes = field(repr=False)


def choose_login(node: NodeDefinition, offered: list[str]) -> Login:
    """Choose a mechanism and answer it.

    :raises CoolAMQPError: the broker offers none that we have
    """
    for mechanism in MECHANISMS:
        if mechanism in offered:
            return Login(mechanism, _respond(mechanism, node))
    raise CoolAMQPError(
        f'the broker offers to log in by {" or ".join(offered) or "nothing"}; '
        f'this client has {" and ".join(MECHANISMS)}'
    )


def _respond(mechanism: str, node: NodeDefinition) -> bytes:
    if mechanism == 'PLAIN':  # RFC 4616
        return f'\0{node.user}\0{node.password}'.encode()
    # AMQPLAIN is a table without its length, from AMQP 0-8.
    return encode_table({'LOGIN': node.user, 'PASSWORD': node.password})[4:]
