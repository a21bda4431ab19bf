"""Groups of methods that a client calls on a channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

from coolamqp.framing.method import Method

# By the class of the method: carries it out, and returns the answer, None if there is none or if it
# was sent already. Raises a Refusal.
Handlers: TypeAlias = dict[type[Method], Callable[[Any, Any], Method | None]]


class RequestGroup:
    """Answers some methods of one channel."""

    _HANDLERS: ClassVar[Handlers] = {}

    def handler(self, method: Method) -> Callable[[Any, Any], Method | None] | None:
        """Return the function for a method, which takes this object and the method."""
        return self._HANDLERS.get(type(method))
