"""Suspects: it finds the request that makes the broker end the connection.

RabbitMQ does not always say which request it has failed at. It may end the connection with an
INTERNAL_ERROR that names no method, or without any reason. A request is a suspect if it was without
an answer at several losses in a row, each soon after its connection was opened. Suspects are sent
one at a time, while all other requests go on. A suspect that is alone at the next loss is the
culprit. It fails with the cause, and is not sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from coolamqp.exceptions import AMQPError, ConnectionDead
from coolamqp.reply_codes import CONNECTION_FORCED

# A request is a suspect after this many losses in a row.
SUSPECT_LOSSES: Final = 2
# A loss counts if the connection has lasted less than this many seconds.
SOON_SECONDS: Final = 10.0


class Trial:
    """A suspect that is sent alone.

    :param fail: called with the error if the suspect is the culprit
    """

    def __init__(self, request: object, fail: Callable[[Exception], None]) -> None:
        self.request = request
        self.fail = fail


class Suspects:
    """The suspects of one engine."""

    def __init__(self) -> None:
        self._losses: dict[object, int] = {}
        self._unanswered: list[object] = []  # of the connection that is being lost
        self._accused: list[object] = []
        self._trial: Trial | None = None
        self._culprit: Trial | None = None
        self._waiting: list[Callable[[], None]] = []

    @property
    def active(self) -> bool:
        """Whether there may be a suspect."""
        return len(self._losses) > 0

    def is_suspect(self, request: object) -> bool:
        """Whether a request must be sent alone."""
        return self._losses.get(request, 0) >= SUSPECT_LOSSES

    def may_send(
        self, request: object, fail: Callable[[Exception], None], go_on: Callable[[], None]
    ) -> bool:
        """Whether a request may be sent now. A suspect must wait while another one is sent alone.

        :param fail: called with the error if the request turns out to be the culprit
        :param go_on: called when the request may be sent, if it must wait
        """
        if not self.is_suspect(request):
            return True
        if self._trial is None:
            self._trial = Trial(request, fail)
        if self._trial.request is request:
            return True
        self._waiting.append(go_on)
        return False

    def on_answer(self, request: object) -> None:
        """Record that a request is answered, or given up."""
        if self._trial is None or self._trial.request is not request:
            return
        self._trial = None
        self._losses.pop(request, None)
        self._go_on()

    def record(self, unanswered: list[object]) -> None:
        """Record the unanswered requests of an attach, which has lost its connection."""
        self._waiting.clear()
        self._unanswered += unanswered
        if self._trial is not None and self._trial.request in unanswered:
            self._culprit = self._trial

    def accuse(self, requests: list[object]) -> None:
        """Make requests suspects: the broker has refused one of them."""
        self._accused += requests

    def conclude(self, cause: Exception | None, lasted: float) -> None:
        """Count the loss of a connection, and fail the culprit if it is found.

        :param lasted: the time that the connection was open, in seconds
        """
        unanswered, self._unanswered = self._unanswered, []
        accused, self._accused = self._accused, []
        culprit, self._culprit = self._culprit, None
        self._trial = None
        if isinstance(cause, AMQPError) and cause.reply_code == CONNECTION_FORCED:
            return  # An operator has ended the connection.
        before = self._losses if lasted < SOON_SECONDS else {}
        self._losses = {each: losses for each, losses in before.items() if self.is_suspect(each)}
        self._losses.update((each, before.get(each, 0) + 1) for each in unanswered)
        self._losses.update(dict.fromkeys(accused, SUSPECT_LOSSES))
        if culprit is not None and cause is not None:
            del self._losses[culprit.request]
            culprit.fail(_error_for(cause))

    def forget(self) -> None:
        """Clear all suspicions: the connection has lasted."""
        self._losses.clear()
        self._trial = None
        self._go_on()

    def _go_on(self) -> None:
        waiting, self._waiting = self._waiting, []
        for go_on in waiting:
            go_on()


def _error_for(cause: Exception) -> Exception:
    if isinstance(cause, AMQPError):
        return cause
    error = ConnectionDead(
        f'the connection was lost each time that this request was sent, the last time while it '
        f'was sent alone: {cause}'
    )
    error.__cause__ = cause
    return error
