"""The publish window: it publishes messages while there is room, and queues the others.

Messages with a confirm have bounds for the number and the size of unconfirmed messages. Messages
without a confirm have a bound for the size of the send buffer.
"""

from __future__ import annotations

from typing import Final

from coolamqp.attaches.effects import Effects
from coolamqp.attaches.plain_publisher import PlainPublisher
from coolamqp.attaches.promise import Promise
from coolamqp.attaches.publication import Publication
from coolamqp.attaches.publisher import Publisher
from coolamqp.supervisor.admission import Admission, Waiting
from coolamqp.timers import Timers

# The default bounds for unconfirmed messages.
MAX_UNCONFIRMED: Final = 100_000
MAX_UNCONFIRMED_BYTES: Final = 256 * 1024 * 1024
# Messages without confirm wait for room while the send buffer has at least this many bytes.
UNSENT_BYTES_MAX: Final = 16 * 1024 * 1024
# The window is wide open up to this fraction of its bounds.
WIDE_OPEN_FRACTION: Final = 0.75


class PublishWindow:
    """The publish window of one engine.

    :param max_unconfirmed: the largest number of unconfirmed messages
    :param max_unconfirmed_bytes: the largest size of all unconfirmed messages together, in bytes
    """

    def __init__(
        self,
        publisher: Publisher,
        plain_publisher: PlainPublisher,
        effects: Effects,
        timers: Timers,
        max_unconfirmed: int,
        max_unconfirmed_bytes: int,
    ) -> None:
        self._publisher = publisher
        self._plain_publisher = plain_publisher
        self._effects = effects
        self._max_unconfirmed = max_unconfirmed
        self._max_unconfirmed_bytes = max_unconfirmed_bytes
        self._admission = Admission(self._has_room, publisher.publish, effects, timers)
        self._plain_published = 0
        self._plain_admission = Admission(
            self._has_room_for_plain, self._send_plain, effects, timers
        )

    def is_open(self) -> bool:
        """Whether there is room for a message with a confirm."""
        return not len(self._admission) and self._has_room()

    def is_open_for_plain(self) -> bool:
        """Whether there is room for a message without a confirm."""
        return not len(self._plain_admission) and self._has_room_for_plain()

    def is_wide_open(self) -> bool:
        """Whether there is room for many more messages with a confirm."""
        publisher = self._publisher
        return (
            publisher.held <= self._max_unconfirmed * WIDE_OPEN_FRACTION
            and publisher.held_bytes <= self._max_unconfirmed_bytes * WIDE_OPEN_FRACTION
        )

    def publish(self, publication: Publication, timeout: float | None = None) -> Waiting | None:
        """Publish a message with a confirm, which ends the promise of the publication.

        :param timeout: the time to wait for room, in seconds; None for no limit
        :returns: None if there is room; otherwise the entry in the queue of waiting publications
        """
        if self.is_open():
            self._publisher.publish(publication)
            return None
        return self._admission.enqueue(publication, timeout)

    def publish_plain(
        self, publication: Publication, timeout: float | None = None
    ) -> Waiting | None:
        """Publish a message without a confirm. Without a connection, the message is dropped.

        The promise of the publication, if it has one, ends when the message is admitted.

        :param timeout: see `publish`
        :returns: see `publish`
        """
        if self.is_open_for_plain():
            self._send_plain(publication)
            return None
        return self._plain_admission.enqueue(publication, timeout)

    def withdraw(self, publication: Publication) -> bool:
        """Withdraw a publication. Return False if it was sent."""
        return (
            self._admission.withdraw(publication)
            or self._plain_admission.withdraw(publication)
            or self._publisher.withdraw(publication)
        )

    @property
    def published(self) -> int:
        """The number of messages that were admitted so far."""
        return self._publisher.calls + self._plain_published

    @property
    def waiting_count(self) -> int:
        """The number of publications that wait for room."""
        return len(self._admission) + len(self._plain_admission)

    @property
    def unconfirmed_count(self) -> int:
        """The number of unconfirmed messages, also without the lock."""
        return self._publisher.held + len(self._admission)

    @property
    def unconfirmed(self) -> list[Promise]:
        """The promises of the unconfirmed messages, in the order of publishing."""
        waiting = [each.promise for each in self._admission if each.promise is not None]
        return self._publisher.promises + waiting

    def admit_waiting(self) -> None:
        """Admit waiting publications while there is room."""
        if len(self._admission):
            self._admission.admit_waiting()
        if len(self._plain_admission):
            self._plain_admission.admit_waiting()

    def end_waiting(self, error: Exception) -> None:
        """Fail the publications of waiting threads, and admit the others, even without room."""
        self._admission.end(error)
        self._plain_admission.end(error)

    def fail_waiting(self, error: Exception) -> None:
        """Fail all waiting publications."""
        self._admission.fail_all(error)
        self._plain_admission.fail_all(error)

    def _has_room(self) -> bool:
        publisher = self._publisher
        return (
            publisher.held < self._max_unconfirmed
            and publisher.held_bytes < self._max_unconfirmed_bytes
        )

    def _has_room_for_plain(self) -> bool:
        connection = self._plain_publisher.connection
        return connection is None or connection.out.size < UNSENT_BYTES_MAX

    def _send_plain(self, publication: Publication) -> None:
        self._plain_published += 1
        self._plain_publisher.publish(publication)
        self._effects.succeed(publication.promise)
