"""The persistent topology. CoolAMQP declares it on each new connection, in the same order."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any

from coolamqp.attaches.effects import Effects
from coolamqp.attaches.events import TopologyFailed
from coolamqp.attaches.operation import Operation, declare
from coolamqp.framing.method import Method
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

    def forget_binding(self, binding: QueueBind | ExchangeBind) -> None:
        """Remove a binding."""
        self._keep(lambda subject: subject != binding)

    def _keep(self, wanted: Callable[[Subject], bool]) -> None:
        self._subjects = {key: each for key, each in self._subjects.items() if wanted(each)}

    def operations(self, effects: Effects, on_done: Callable[[], None]) -> list[Operation]:
        """Return the operations that declare all objects. They report failures as `TopologyFailed`.

        :param on_done: called at the end of each operation
        """
        return [
            Operation(declare(subject), partial(_report, effects, subject, on_done))
            for subject in self._subjects.values()
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


def _report(
    effects: Effects,
    subject: Any,
    on_done: Callable[[], None],
    error: Exception | None,
    _answer: Method | None,
) -> None:
    if error is not None:
        effects.report(TopologyFailed(subject, error))
    on_done()
