"""Suspects: it finds the request that makes the broker end the connection.

RabbitMQ does not always say which request it has failed at. It may end the connection with an
INTERNAL_ERROR that names no method, or without any reason. A request is a suspect if it was without
an answer at several losses in a row, each soon after its connection was opened. On the next
connection suspects are sent one at a time, and several at a time after enough answers. All other
requests go on. If the broker ends the connection with an error while a single suspect is
unanswered, this one is the culprit. It fails with the error, and is not sent again.

A connection that is cut without an error proves less, because networks break at any moment. Then
the suspects wait until the next connection has lasted for some time. If it is cut soon after a
suspect was sent alone, and this happens again, the suspect is the culprit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from coolamqp.exceptions import AMQPError, ConnectionDead
from coolamqp.reply_codes import CONNECTION_FORCED
from coolamqp.timers import Timer, Timers

# A request is a suspect after this many losses in a row.
SUSPECT_LOSSES: Final = 2
# A loss counts if the connection has lasted less than this many seconds.
SOON_SECONDS: Final = 10.0
# After a loss without an error, suspects wait until the connection is open for this many seconds.
CALM_SECONDS: Final = 1.0
# Without an error, a suspect is the culprit after this many losses in a row while it was alone.
CULPRIT_LOSSES: Final = 2
# After each time this many answers, one more suspect may be unanswered at a time.
ANSWERS_PER_STEP: Final = 64


class Suspects:
    """The suspects of one engine."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._opened_at = 0.0
        self._forget_timer: Timer | None = None
        self._calm_timer: Timer | None = None  # while the suspects wait
        self._wait_for_calm = False  # on the next connection
        self._was_calm = False  # whether this connection was calm when it sent the first suspect
        self._losses: dict[object, int] = {}
        self._losses_alone: dict[object, int] = {}
        self._unanswered: list[object] = []  # of the connection that is being lost
        self._accused: list[object] = []
        # The suspects that may be sent now, each with the function that fails it.
        self._sent: dict[object, Callable[[Exception], None]] = {}
        self._answers = 0  # on this connection
        self._waiting: list[Callable[[], None]] = []

    @property
    def active(self) -> bool:
        """Whether there may be a suspect."""
        return len(self._losses) > 0

    def is_suspect(self, request: object) -> bool:
        """Whether a request is a suspect."""
        return self._losses.get(request, 0) >= SUSPECT_LOSSES

    def may_send(
        self, request: object, fail: Callable[[Exception], None], go_on: Callable[[], None]
    ) -> bool:
        """Whether a request may be sent now. A suspect may have to wait for other suspects.

        :param fail: called with the error if the request turns out to be the culprit
        :param go_on: called when the request may be sent, if it must wait
        """
        if not self.is_suspect(request) or request in self._sent:
            return True
        if self._calm_timer is None and len(self._sent) <= self._answers // ANSWERS_PER_STEP:
            self._sent[request] = fail
            return True
        self._waiting.append(go_on)
        return False

    def on_answer(self, request: object) -> None:
        """Record that a request is answered, or given up."""
        if request in self._sent:
            del self._sent[request]
            self._losses.pop(request, None)
            self._losses_alone.pop(request, None)
            self._answers += 1
            self._go_on()

    def on_open(self) -> None:
        """Record that a connection is open. If it lasts, nobody is a suspect any more."""
        self._opened_at = self._timers.now
        self._was_calm = False
        if self.active:
            self._forget_timer = self._timers.after(SOON_SECONDS, self._forget)
            if self._wait_for_calm and any(map(self.is_suspect, self._losses)):
                self._calm_timer = self._timers.after(CALM_SECONDS, self._on_calm)

    def _on_calm(self) -> None:
        self._calm_timer = None
        self._was_calm = True
        self._go_on()

    def record(self, unanswered: list[object]) -> None:
        """Record the unanswered requests of an attach, which has lost its connection."""
        self._waiting.clear()
        self._unanswered += unanswered

    def accuse(self, requests: list[object]) -> None:
        """Make requests suspects: the broker has refused one of them."""
        self._accused += requests

    def conclude(self, cause: Exception) -> None:
        """Count the loss of a connection, and fail the culprit if it is found."""
        unanswered, self._unanswered = dict.fromkeys(self._unanswered), []
        accused, self._accused = self._accused, []
        sent, self._sent, self._answers = self._sent, {}, 0
        if self._forget_timer is not None:
            self._timers.cancel(self._forget_timer)
        # If even a connection without suspects does not last, they do not wait on the next one.
        self._wait_for_calm = self._calm_timer is None and not isinstance(cause, AMQPError)
        if self._calm_timer is not None:
            self._timers.cancel(self._calm_timer)
            self._calm_timer = None
        if isinstance(cause, AMQPError) and cause.reply_code == CONNECTION_FORCED:
            return  # An operator has ended the connection.
        if self._timers.now - self._opened_at >= SOON_SECONDS:
            self._losses_alone.clear()
            self._losses.clear()
        before = self._losses
        self._losses = {each: losses for each, losses in before.items() if self.is_suspect(each)}
        self._losses.update((each, before.get(each, 0) + 1) for each in unanswered)
        self._losses.update(dict.fromkeys(accused, SUSPECT_LOSSES))
        if len(sent) == 1:
            ((request, fail),) = sent.items()
            if request in unanswered:
                self._count_alone(request, fail, cause)

    def _count_alone(
        self, request: object, fail: Callable[[Exception], None], cause: Exception
    ) -> None:
        """Count a loss while a suspect was sent alone, and fail it if it is the culprit."""
        if isinstance(cause, AMQPError):
            self._losses_alone[request] = CULPRIT_LOSSES
        elif self._was_calm:
            self._losses_alone[request] = self._losses_alone.get(request, 0) + 1
        if self._losses_alone.get(request, 0) >= CULPRIT_LOSSES:
            del self._losses[request], self._losses_alone[request]
            fail(cause if isinstance(cause, AMQPError) else _lost_each_time(cause))

    def _forget(self) -> None:
        """Clear all suspicions: the connection has lasted."""
        self._losses.clear()
        self._losses_alone.clear()
        self._sent.clear()
        self._go_on()

    def _go_on(self) -> None:
        waiting, self._waiting = self._waiting, []
        for go_on in waiting:
            go_on()


def _lost_each_time(cause: Exception) -> ConnectionDead:
    error = ConnectionDead(
        f'the connection was lost each time that this request was sent, even when it was sent '
        f'alone: {cause}'
    )
    error.__cause__ = cause
    return error
