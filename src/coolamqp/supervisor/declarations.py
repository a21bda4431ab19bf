"""The persistent declarations on one connection, and the tries for those that are locked.

The lost connection of this Cluster locks its exclusive queues until the broker notices its end. So
a locked queue is declared again, with its bindings, until it is free.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from coolamqp.attaches.channeler import RETRY_SECONDS_MAX, RETRY_SECONDS_MIN
from coolamqp.attaches.declarer import Declarer
from coolamqp.attaches.effects import Effects
from coolamqp.attaches.events import TopologyFailed
from coolamqp.attaches.operation import Operation, declare
from coolamqp.exceptions import RESOURCE_LOCKED, AMQPError
from coolamqp.framing.method import Method
from coolamqp.log_events import LogEvent
from coolamqp.objects import Queue, QueueBind
from coolamqp.objects.topology import Subject
from coolamqp.supervisor.topology import Topology
from coolamqp.timers import Timer, Timers


class Declarations:
    """The declarations of a recovery.

    :param on_answered: called when the broker has accepted or refused each object
    :param on_unlocked: called when no object is locked any more
    """

    def __init__(
        self,
        declarer: Declarer,
        topology: Topology,
        effects: Effects,
        timers: Timers,
        on_answered: Callable[[], None],
        on_unlocked: Callable[[], None],
    ) -> None:
        self._declarer = declarer
        self._topology = topology
        self._effects = effects
        self._timers = timers
        self._on_answered = on_answered
        self._on_unlocked = on_unlocked
        self._unanswered: dict[Subject, Operation] = {}
        self._locked: dict[Subject, AMQPError] = {}
        self._retry_delay = RETRY_SECONDS_MIN
        self._retry_timer: Timer | None = None

    @property
    def pending(self) -> bool:
        """Whether the broker has not answered, or an object is locked."""
        return bool(self._unanswered or self._locked)

    def begin(self, subjects: list[Subject]) -> None:
        """Declare objects in order."""
        self._declare(subjects, self._on_answered)

    def abandon(self) -> None:
        """Stop: the connection is lost."""
        self._declarer.withdraw(list(self._unanswered.values()))
        if self._retry_timer is not None:
            self._timers.cancel(self._retry_timer)

    def report_locked(self) -> None:
        """Report the locked objects as `TopologyFailed`. The tries go on."""
        for subject, error in self._locked.items():
            self._effects.report(TopologyFailed(subject, error))

    def _declare(self, subjects: list[Subject], on_answered: Callable[[], None]) -> None:
        if not subjects:
            on_answered()
            return
        self._unanswered = {
            each: Operation(declare(each), partial(self._on_answer, each, on_answered))
            for each in subjects
        }
        self._declarer.submit_first(list(self._unanswered.values()))

    def _on_answer(
        self,
        subject: Subject,
        on_answered: Callable[[], None],
        error: Exception | None,
        _answer: Method | None,
    ) -> None:
        del self._unanswered[subject]
        if isinstance(error, AMQPError) and error.reply_code == RESOURCE_LOCKED:
            self._defer(subject, error)
        else:
            self._locked.pop(subject, None)
            if error is not None:
                self._fail(subject, error)
        if self._unanswered:
            return
        if self._locked:
            self._retry_timer = self._timers.after(self._retry_delay, self._retry)
            self._retry_delay = min(self._retry_delay * 2, RETRY_SECONDS_MAX)
        on_answered()

    def _fail(self, subject: Subject, error: Exception) -> None:
        self._effects.report(TopologyFailed(subject, error))
        if isinstance(error, AMQPError) and error.is_hard_error():
            self._topology.forget(subject)  # It would close each following connection, too.

    def _defer(self, locked: Subject, error: AMQPError) -> None:
        """Try a locked object again later, and after it the bindings that depend on it."""
        if locked not in self._locked:
            self._effects.log(
                LogEvent.OBJECT_LOCKED,
                f'another connection has locked {locked!r}, perhaps the lost one of this Cluster; '
                f'CoolAMQP tries again until it is free: {error}',
                cause=error,
            )
        dependents = [
            each
            for each in self._unanswered
            if isinstance(locked, Queue)
            and isinstance(each, QueueBind)
            and each.queue == locked.name
        ]
        self._declarer.withdraw([self._unanswered.pop(each) for each in dependents])
        for each in (locked, *dependents):
            self._locked[each] = error

    def _retry(self) -> None:
        """Declare the locked objects again, except those that the program has deleted."""
        self._retry_timer = None
        self._locked = {
            each: error for each, error in self._locked.items() if each in self._topology
        }
        self._declare(list(self._locked), self._check_unlocked)

    def _check_unlocked(self) -> None:
        if not self._locked:
            self._on_unlocked()
