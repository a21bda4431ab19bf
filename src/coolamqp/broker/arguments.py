"""Arguments of declarations: functions to read them, and to compare two declarations.

RabbitMQ requires equal arguments: https://www.rabbitmq.com/docs/queues#property-equivalence.

Arguments are field tables in the typed form (see `coolamqp.framing.field_table`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from coolamqp.broker.errors import Refusal, shown
from coolamqp.framing.field_table import TypedTable, TypedValue
from coolamqp.reply_codes import PRECONDITION_FAILED

# Values in the typed form, by name.
NamedArguments: TypeAlias = dict[bytes, TypedValue]

# The type letters of field tables (section 4.2.5.5), and the names of RabbitMQ for these types.
TYPE_NAMES: Final = {
    'S': 'longstr',
    'I': 'signedint',
    'D': 'decimal',
    'T': 'timestamp',
    'F': 'table',
    'b': 'byte',
    'B': 'unsignedbyte',
    's': 'short',
    'u': 'unsignedshort',
    'i': 'unsignedint',
    'l': 'long',
    'L': 'long',
    'f': 'float',
    'd': 'double',
    't': 'bool',
    'x': 'binary',
    'V': 'void',
    'A': 'array',
}
INTEGERS: Final = frozenset('bBsuIilL')


def named(table: Any) -> NamedArguments:
    """Return decoded arguments by name. If a name occurs twice, its last value applies."""
    decoded: TypedTable = table or []
    return {bytes(name): value for name, value in decoded}


def typed(value: Any) -> TypedValue:
    """Return a plain value of a policy in the typed form."""
    if isinstance(value, bool):
        return value, 't'
    if isinstance(value, int):
        return value, 'l'
    return str(value).encode(), 'S'


def check_same(
    name: str, current: TypedValue | None, received: TypedValue | None, where: str
) -> None:
    """Check that a declaration has the argument of the existing exchange or queue.

    :param where: the exchange or queue, for the error message
    :raises Refusal: the argument differs
    """
    if _same(current, received):
        return
    if current is not None and received is not None:
        raise inequivalent(name, _content(received), _content(current), where)
    raise Refusal(
        PRECONDITION_FAILED,
        f"inequivalent arg '{name}' for {where}: "
        f'received {_described(received)} but current is {_described(current)}',
    )


def check_same_flag(name: str, current: bool, received: bool, where: str) -> None:
    """Check that a declaration has the flag of the existing exchange or queue.

    :raises Refusal: the flag differs
    """
    if current is not received:
        raise inequivalent(name, _flag(received), _flag(current), where)


def check_string(name: str, arguments: NamedArguments, where: str) -> None:
    """Check that an argument is a string or missing.

    :raises Refusal: it has another type
    """
    value = arguments.get(name.encode())
    if value is not None and value[1] != 'S':
        raise Refusal(
            PRECONDITION_FAILED,
            f"invalid type '{TYPE_NAMES[value[1]]}' for arg '{name}' in {where}",
        )


def inequivalent(name: str, received: str, current: str, where: str) -> Refusal:
    """Return the error for a declaration that differs from the existing exchange or queue."""
    return Refusal(
        PRECONDITION_FAILED,
        f"inequivalent arg '{name}' for {where}: received '{received}' but current is '{current}'",
    )


def check_all_same(
    names: Iterable[bytes], current: NamedArguments, received: NamedArguments, where: str
) -> None:
    """Check several arguments, see `check_same`."""
    for name in names:
        check_same(name.decode(), current.get(name), received.get(name), where)


def _same(current: TypedValue | None, received: TypedValue | None) -> bool:
    if current is None or received is None:
        return current is received
    both_integers = current[1] in INTEGERS and received[1] in INTEGERS
    return bool(current[0] == received[0]) and (both_integers or current[1] == received[1])


def _described(value: TypedValue | None) -> str:
    if value is None:
        return 'none'
    return f"the value '{_content(value)}' of type '{TYPE_NAMES[value[1]]}'"


def _content(value: TypedValue) -> str:
    content = value[0]
    if isinstance(content, bytes):
        return shown(content)
    return _flag(content) if isinstance(content, bool) else str(content)


def _flag(value: bool) -> str:
    return 'true' if value else 'false'
