"""The persistent topology. CoolAMQP declares it on each new connection, in the same order."""

from __future__ import annotations

from collections.abc import Callable, Collection
from copy import copy
from typing import Any

from coolamqp.objects import Exchange, ExchangeBind, Queue, QueueBind
from coolamqp.objects.topology import Subject, exchange_name


class Topology:
    """The persistent declarations of one Cluster."""

    def __init__(self) -> None:
        self._subjects: dict[tuple[type, Any], Subject] = {}

    def remember(self, subject: Subject) -> None:
        """Add an object, which replaces an earlier description of the same object.

        A queue with an exchange counts as three objects: exchange, queue and binding. So a program
        can delete each of them alone.
        """
        for part in _parts(subject):
            self._subjects[type(part), part] = part

    def forget_queue(self, name: bytes) -> None:
        """Remove a queue and its bindings."""
        self._keep(lambda subject: not _is_of_queue(subject, name))

    def forget_exchange(self, name: bytes) -> None:
        """Remove an exchange and its bindings."""
        self._keep(lambda subject: not _is_of_exchange(subject, name))

    def forget(self, subject: Subject) -> None:
        """Remove one object, and nothing that depends on it."""
        self._keep(lambda each: each != subject)

    def _keep(self, wanted: Callable[[Subject], bool]) -> None:
        self._subjects = {key: each for key, each in self._subjects.items() if wanted(each)}

    def __contains__(self, subject: Subject) -> bool:
        return (type(subject), subject) in self._subjects

    def subjects(self, consumed: Collection[bytes] = ()) -> list[Subject]:
        """Return the objects to declare, in order.

        A queue that is not persistent may be deleted. If a consumer declares it again, the consumer
        also makes the persistent bindings.

        :param consumed: the names of the queues that consumers declare
        """
        return [
            each
            for each in self._subjects.values()
            if not isinstance(each, QueueBind)
            or each.queue not in consumed
            or self.queue(each.queue) is not None
        ]

    def queue(self, name: bytes) -> Queue | None:
        """Return the persistent queue of this name; None if there is none."""
        queue = self._subjects.get((Queue, Queue(name)))
        return queue if isinstance(queue, Queue) else None

    def bindings(self, queue: bytes) -> list[QueueBind]:
        """Return the persistent bindings of a queue, in order."""
        return [
            each
            for each in self._subjects.values()
            if isinstance(each, QueueBind) and each.queue == queue
        ]


def _parts(subject: Subject) -> list[Subject]:
    if not isinstance(subject, Queue) or subject.exchange is None or not subject.exchange.name:
        return [subject]
    bare = copy(subject)
    bare.exchange = None
    binding = QueueBind(
        subject, subject.exchange, subject.routing_key, arguments=subject.arguments_bind
    )
    return [subject.exchange, bare, binding]


def _is_of_queue(subject: Subject, name: bytes) -> bool:
    if isinstance(subject, Queue):
        return subject.name == name
    return isinstance(subject, QueueBind) and subject.queue == name


def _is_of_exchange(subject: Subject, name: bytes) -> bool:
    if isinstance(subject, Exchange):
        return exchange_name(subject) == name
    if isinstance(subject, QueueBind):
        return subject.exchange == name
    return isinstance(subject, ExchangeBind) and name in (subject.destination, subject.source)
