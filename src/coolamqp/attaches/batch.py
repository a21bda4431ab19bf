"""Batches: the messages of a consumer that its callback receives together."""

from __future__ import annotations

from collections.abc import Callable

from coolamqp.attaches.delivery import Delivery
from coolamqp.objects.message import body_size
from coolamqp.timers import Timer, Timers


class Batch(list[Delivery]):
    """A list of received messages, which can be settled together.

    Each of the calls settles the messages that are not settled yet, as the same call of
    `ReceivedMessage` does. The broker receives one acknowledgement for all of them if nothing
    unsettled lies in between. A message can also be settled alone, before or instead.

    >>> def store(batch: Batch) -> None:
    ...     database.insert([message.json() for message in batch])
    ...     batch.ack()
    """

    __slots__ = ()

    def ack(self) -> bool:
        """Acknowledge all messages. Return whether this counts for each, see `ReceivedMessage`."""
        counts = [message.ack() for message in self]
        return all(counts)

    def nack(self, requeue: bool = True) -> bool:
        """Refuse all messages, and requeue them unless `requeue` is False; otherwise like `ack`."""
        counts = [message.nack(requeue) for message in self]
        return all(counts)

    def reject(self, requeue: bool = False) -> bool:
        """Reject all messages, and requeue them only if `requeue` is True; otherwise like `ack`."""
        counts = [message.reject(requeue) for message in self]
        return all(counts)

    def retry(self, reason: str = '') -> bool:
        """Retry all messages, see `ReceivedMessage.retry`; otherwise like `ack`.

        :raises ValueError: the queue has no `retry_delays`
        """
        counts = [message.retry(reason) for message in self]
        return all(counts)

    @property
    def delivery_tag(self) -> int | None:
        """The delivery tag of the last message; None for a no_ack consumer."""
        return self[-1].delivery_tag

    @property
    def size(self) -> int:
        """The size of all bodies, in bytes."""
        return sum([body_size(message.body) for message in self])


class Batcher:
    """Collects the messages of one consumer into batches. All calls need the engine lock.

    :param count: the number of messages of a full batch
    :param within: how long the first message of a batch waits for the others, in seconds
    :param post: called with each batch that is full, or whose time is over
    """

    def __init__(
        self, count: int, within: float, timers: Timers, post: Callable[[Batch], None]
    ) -> None:
        self._count = count
        self._within = within
        self._timers = timers
        self._post = post
        self._batch = Batch()
        self._timer: Timer | None = None

    def add(self, message: Delivery) -> None:
        """Add a message, and post the batch if it is full."""
        if not self._batch:
            self._timer = self._timers.after(self._within, self.flush)
        self._batch.append(message)
        if len(self._batch) >= self._count:
            self.flush()

    def flush(self) -> None:
        """Post the messages that have been collected, if there are any."""
        batch = self._take()
        if batch:
            self._post(batch)

    def discard(self) -> None:
        """Forget the messages that have been collected: the broker has them back."""
        self._take()

    def _take(self) -> Batch:
        if self._timer is not None:
            self._timers.cancel(self._timer)
            self._timer = None
        batch, self._batch = self._batch, Batch()
        return batch
