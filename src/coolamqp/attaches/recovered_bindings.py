"""The persistent bindings of a queue, which the set-up of its consumer makes again."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from coolamqp.attaches.channeler import is_refusal_of
from coolamqp.attaches.operation import bind
from coolamqp.exceptions import AMQPError
from coolamqp.framing.method import Method
from coolamqp.objects import Queue, QueueBind
from coolamqp.uplink.channel import Channel


class PersistentTopology(Protocol):
    """The persistent declarations of a Cluster, for the set-up of its consumers."""

    def queue(self, name: bytes) -> Queue | None:
        """Return the persistent queue of this name; None if there is none."""

    def bindings(self, queue: bytes) -> list[QueueBind]:
        """Return the persistent bindings of a queue, in order."""


class RecoveredBindings:
    """The bindings that the set-up of one consumer makes, without those that the broker refuses."""

    def __init__(self) -> None:
        self._unanswered: deque[QueueBind] = deque()
        self._refused: list[QueueBind] = []

    def send(self, channel: Channel, bindings: list[QueueBind]) -> None:
        """Send the bindings, all of them before the first answer.

        The answer to the next method comes after theirs.
        """
        self._unanswered = deque(each for each in bindings if each not in self._refused)
        for binding in self._unanswered:
            channel.call(bind(binding), self._on_bound)

    def _on_bound(self, answer: Method) -> None:
        self._unanswered.popleft()

    def forget_unanswered(self) -> None:
        """Forget the bindings without an answer: a new set-up begins."""
        self._unanswered.clear()

    def forget_refused(self) -> None:
        """Send all bindings again from now on."""
        self._refused.clear()

    def refused_by(self, error: AMQPError) -> QueueBind | None:
        """Return the binding that the broker has refused with this error; None if it is none.

        The next set-up leaves it out.
        """
        if not self._unanswered or not is_refusal_of(error, bind(self._unanswered[0])):
            return None
        binding = self._unanswered[0]
        self._refused.append(binding)
        return binding
