"""The base class of the groups of methods that a client may send on a channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

from coolamqp.framing.method import Method

# Functions by the class of the method. A function carries out the method, and returns the answer;
# None if there is no answer, or if the function has sent it. It may raise a Refusal.
Handlers: TypeAlias = dict[type[Method], Callable[[Any, Any], Method | None]]


class RequestGroup:
    """Answers some methods of one channel."""

    _HANDLERS: ClassVar[Handlers] = {}

    def handler(self, method: Method) -> Callable[[Any, Any], Method | None] | None:
        """Return the function for a method, which takes this object and the method."""
        return self._HANDLERS.get(type(method))
