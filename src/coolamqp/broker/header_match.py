"""The matching of headers exchanges: https://www.rabbitmq.com/docs/exchanges."""

from __future__ import annotations

from typing import Any, Final

from coolamqp.broker.arguments import INTEGERS, TYPE_NAMES, NamedArguments
from coolamqp.broker.errors import Refusal, shown
from coolamqp.framing.field_table import TypedValue
from coolamqp.reply_codes import PRECONDITION_FAILED

X_MATCH: Final = b'x-match'
ALL: Final = 'all'
ANY: Final = 'any'
ALL_WITH_X: Final = 'all-with-x'
ANY_WITH_X: Final = 'any-with-x'
WAYS: Final = (ALL, ANY, ALL_WITH_X, ANY_WITH_X)
# Types whose values are comparable with each other: each letter, and the letter of its group.
_KIND_OF: Final = {**dict.fromkeys(INTEGERS, 'l'), 'f': 'd', 'x': 'S'}


def check_x_match(arguments: NamedArguments) -> None:
    """Check the argument `x-match`.

    :raises Refusal: its type or its value is invalid
    """
    value, letter = arguments.get(X_MATCH, (b'all', 'S'))
    if letter != 'S':
        shown_value = str(value).lower() if letter == 't' else value
        raise Refusal(
            PRECONDITION_FAILED,
            f'Invalid x-match field type {TYPE_NAMES[letter]} (value {shown_value}); '
            'expected longstr',
        )
    if shown(value) not in WAYS:
        raise Refusal(
            PRECONDITION_FAILED,
            f'Invalid x-match field value <<"{shown(value)}">>; '
            'expected all, any, all-with-x, or any-with-x',
        )


class HeaderMatch:
    """The condition of one binding.

    :param arguments: the arguments of the binding
    :raises Refusal: `x-match` is invalid
    """

    def __init__(self, arguments: NamedArguments) -> None:
        check_x_match(arguments)
        self._way = shown(arguments.get(X_MATCH, (b'all', 'S'))[0])
        with_x = self._way in (ALL_WITH_X, ANY_WITH_X)
        self._wanted = {
            name: wanted
            for name, wanted in arguments.items()
            if name != X_MATCH and (with_x or not name.startswith(b'x-'))
        }

    def holds(self, headers: NamedArguments) -> bool:
        """Whether the headers of a message fulfil the condition."""
        found = (_fits(wanted, headers.get(name)) for name, wanted in self._wanted.items())
        return any(found) if self._way in (ANY, ANY_WITH_X) else all(found)


def _fits(wanted: TypedValue, given: TypedValue | None) -> bool:
    """Whether a header has the wanted value; a void value matches any value."""
    if given is None:
        return False
    if wanted[1] == 'V':
        return True
    kind = _KIND_OF.get(wanted[1], wanted[1])
    # RabbitMQ 4 compares seconds with milliseconds, so that a timestamp never matches.
    if kind == 'T' or _KIND_OF.get(given[1], given[1]) != kind:
        return False
    return bool(_content(wanted) == _content(given))


def _content(value: TypedValue) -> Any:
    """Return a value without its type letters, also within tables and arrays."""
    content, letter = value
    if letter == 'A':
        return [_content(each) for each in content]
    if letter == 'F':
        return {bytes(name): _content(each) for name, each in content}
    return content
