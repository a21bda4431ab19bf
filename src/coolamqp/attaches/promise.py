"""A promise: what the engine knows of a future.

The engine passes promises on and never ends one itself; the driver does, outside of the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol


class Promise(Protocol):
    """A future of a program, of whichever kind its Cluster makes."""

    def done(self) -> bool:
        """Whether it has ended."""

    def set_result(self, result: Any, /) -> None:
        """End it with a result."""

    def set_exception(self, exception: BaseException, /) -> None:
        """End it with an error."""


class Ended:
    """A promise that has ended well before a program gets it; programs can await it as well."""

    def __await__(self) -> Iterator[Any]:
        """Return at once."""
        return iter(())

    def result(self, timeout: float | None = None) -> Any:
        """Return None: there is no result."""

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return None: there is no error."""

    def done(self) -> bool:
        """Whether it has ended; always True."""
        return True

    def add_done_callback(self, function: Callable[[Any], Any]) -> None:
        """Call a function at once."""
        function(self)

    def set_result(self, result: Any) -> None:
        """Do nothing, since it has ended."""

    def set_exception(self, exception: BaseException | None) -> None:
        """Do nothing, since it has ended."""
