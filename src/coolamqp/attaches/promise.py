"""A promise: the engine's view of a future.

The engine stores promises and never ends one. The driver ends them, without the engine lock.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol


class Promise(Protocol):
    """A future of a program. Each Cluster class has its own class of futures."""

    def done(self) -> bool:
        """Whether it has ended."""

    def set_result(self, result: Any, /) -> None:
        """End it with a result."""

    def set_exception(self, exception: BaseException, /) -> None:
        """End it with an error."""


class Ended:
    """A future that has succeeded already. Programs can also await it."""

    def __await__(self) -> Generator[Any, None, None]:
        """Return at once."""
        yield from ()

    def result(self, timeout: float | None = None) -> Any:
        """Return None, its result."""

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return None: it has no error."""

    def done(self) -> bool:
        """Whether it has ended; always True."""
        return True

    def add_done_callback(self, function: Callable[[Any], Any]) -> None:
        """Call a function with this future at once."""
        function(self)

    def set_result(self, result: Any) -> None:
        """Do nothing: it has ended already."""

    def set_exception(self, exception: BaseException | None) -> None:
        """Do nothing: it has ended already."""
