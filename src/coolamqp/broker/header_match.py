"""The matching of a headers exchange: https://www.rabbitmq.com/tutorials/amqp-concepts."""

from __future__ import annotations

from typing import Any, Final

from coolamqp.broker.arguments import INTEGERS, NamedArguments
from coolamqp.framing.field_table import TypedValue

X_MATCH: Final = b'x-match'
ALL: Final = 'all'
ANY: Final = 'any'
ALL_WITH_X: Final = 'all-with-x'
ANY_WITH_X: Final = 'any-with-x'
WAYS: Final = (ALL, ANY, ALL_WITH_X, ANY_WITH_X)
_NUMBERS: Final = INTEGERS | {'f', 'd'}


class HeaderMatch:
    """The condition of one binding.

    :param arguments: the arguments of the binding
    """

    def __init__(self, arguments: NamedArguments) -> None:
        value, letter = arguments.get(X_MATCH, (b'all', 'S'))
        self._way = value.decode('utf-8', 'replace') if letter == 'S' else ALL
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
    """Whether a header is there with the wanted value; a void value is fulfilled by any."""
    if given is None:
        return False
    value, letter = wanted
    if letter == 'V':
        return True
    other: Any = given[0]
    if letter in _NUMBERS and given[1] in _NUMBERS:
        return bool(value == other)
    return letter == given[1] and bool(value == other)
