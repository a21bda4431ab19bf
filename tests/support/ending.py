"""A promise that records its end."""

from __future__ import annotations

from typing import Any


class Ending:
    """A promise that records its end. A second end fails the test."""

    def __init__(self) -> None:
        self.ends: list[Any] = []

    def result(self, timeout: float | None = None) -> Any:
        """Return the result, or raise the error."""
        assert self.ends, 'this has not ended'
        if isinstance(self.ends[0], BaseException):
            raise self.ends[0]
        return self.ends[0]

    def done(self) -> bool:
        """Whether it has ended."""
        return bool(self.ends)

    @property
    def error(self) -> BaseException:
        """The error of the promise."""
        assert self.ends
        assert isinstance(self.ends[0], BaseException), 'this has succeeded'
        return self.ends[0]

    def set_result(self, result: Any) -> None:
        """End with a result."""
        assert not self.ends, f'ended twice: {self.ends}'
        self.ends.append(result)

    def set_exception(self, exception: BaseException | None) -> None:
        """End with an error."""
        assert not self.ends, f'ended twice: {self.ends}'
        self.ends.append(exception)
