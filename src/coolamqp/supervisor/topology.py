"""What was declared as persistent, to be declared again after each reconnect, in the same order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from coolamqp.attaches.operation import Operation, declare
from coolamqp.attaches.outcomes import Outcomes
from coolamqp.objects import Exchange, Queue, QueueBind
from coolamqp.supervisor.notices import TopologyFailed


class Topology:
    """Remembers persistent declarations."""

    def __init__(self) -> None:
        self._subjects: dict[tuple[type, Any], Exchange | Queue | QueueBind] = {}

    def remember(self, subject: Exchange | Queue | QueueBind) -> None:
        """Have something declared again; a new description replaces an older one."""
        self._subjects[type(subject), subject] = subject

    def forget_queue(self, queue: Queue) -> None:
        """Cease to declare a queue and its bindings."""
        self._subjects = {
            key: subject
            for key, subject in self._subjects.items()
            if not (isinstance(subject, Queue) and subject.name == queue.name)
            and not (isinstance(subject, QueueBind) and subject.queue == queue.name)
        }

    def restoration(self, outcomes: Outcomes, on_done: Callable[[], None]) -> list[Operation]:
        """Give the operations that declare everything; what fails is reported, and no more.

        :param on_done: called as each of them ends
        """
        return [
            Operation(declare(subject), partial(_report, outcomes, subject, on_done))
            for subject in self._subjects.values()
        ]


def _report(
    outcomes: Outcomes, subject: Any, on_done: Callable[[], None], error: Exception | None
) -> None:
    if error is not None:
        outcomes.notice(TopologyFailed(subject, error))
    on_done()
