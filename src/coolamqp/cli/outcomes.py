"""What became of published messages: confirmed, returned, refused, or failed."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import Future
from typing import Any, Final

from coolamqp.cli.errors import ExitStatus, Failure
from coolamqp.cli.output import Output, counted
from coolamqp.exceptions import AMQPError, MessageRefused, Returned

ERRORS_MAX: Final = 20  # different ones that are kept


class Outcomes:
    """The outcomes of messages that were published with confirms. Any thread may add one.

    :ivar published: how many messages were published
    :ivar counts: how many of them are confirmed, returned, refused and failed
    :ivar errors: the texts of errors, with their counts
    """

    def __init__(self) -> None:
        self.published = 0
        self.counts = Counter(confirmed=0, returned=0, refused=0, failed=0)
        self.errors: Counter[str] = Counter()
        self._changed = threading.Condition()

    def expect(self, future: Future[Any]) -> None:
        """Count a message, and its outcome when its future ends."""
        self.published += 1
        future.add_done_callback(self._count)

    def _count(self, future: Future[Any]) -> None:
        error = None if future.cancelled() else future.exception()
        with self._changed:
            self.counts[_kind(error, cancelled=future.cancelled())] += 1
            if error is not None and (str(error) in self.errors or len(self.errors) < ERRORS_MAX):
                self.errors[str(error)] += 1
            self._changed.notify_all()

    def wait(self, timeout: float) -> None:
        """Wait until each message has an outcome.

        :param timeout: the time in which at least one must come, in seconds
        :raises Failure: none came in time
        """
        with self._changed:
            while left := self.unconfirmed:
                if not self._changed.wait_for(lambda: self.unconfirmed < left, timeout):
                    raise Failure(
                        f'the broker has not confirmed {counted(left, "message")} in '
                        f'{timeout:g} s; they may have arrived or not; see whether it is short of '
                        f'memory or disk space',
                        ExitStatus.NO_CONNECTION,
                    )

    @property
    def unconfirmed(self) -> int:
        """How many messages have no outcome yet."""
        return self.published - self.counts.total()

    @property
    def all_confirmed(self) -> bool:
        """Whether the broker has all messages."""
        return self.counts['confirmed'] == self.published

    def report(self, output: Output, **notes: object) -> None:
        """Write the counts as the result of a command, and the errors for people."""
        for text, count in self.errors.items():
            output.note(f'{counted(count, "message")}: {text}')
        counts = {**self.counts, 'unconfirmed': self.unconfirmed}
        shown = [kind for kind, count in counts.items() if count or kind == 'confirmed']
        kinds = ', '.join(f'{counts[kind]} {kind}' for kind in shown)
        record = {'published': self.published, **counts, 'errors': dict(self.errors)}
        output.result(record | notes, f'published {counted(self.published, "message")}: {kinds}')


def _kind(error: BaseException | None, *, cancelled: bool) -> str:
    if cancelled:
        return 'failed'
    if error is None:
        return 'confirmed'
    if isinstance(error, Returned):
        return 'returned'
    return 'refused' if isinstance(error, (AMQPError, MessageRefused)) else 'failed'
