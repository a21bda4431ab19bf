"""Where the messages for consumers without `on_message` wait: for `drain`, or for an iteration."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

from coolamqp.attaches.consumer import Consumer
from coolamqp.attaches.receiver import Receiver

# How many messages are fetched ahead of an iteration unless told otherwise.
ITERATION_PREFETCH: Final = 100


class Closable(Protocol):
    """An inbox, of whatever face."""

    def close(self) -> None:
        """Let nobody wait any more."""


InboxT = TypeVar('InboxT', bound=Closable)


class Iterations(Generic[InboxT]):
    """The inboxes of a Cluster.

    :param common: the one of `drain`
    """

    def __init__(self, common: InboxT) -> None:
        self._common = common
        # None is for a consumer that is no longer iterated over, and not quite cancelled yet.
        self._inboxes: dict[Receiver, InboxT | None] = {}

    def __iter__(self) -> Iterator[InboxT]:
        yield self._common
        for inbox in list(self._inboxes.values()):
            if inbox is not None:
                yield inbox

    def begin(self, consumer: Consumer, inbox: InboxT) -> None:
        """Have the messages of a consumer in an inbox of their own, until it is cancelled."""
        self._inboxes[consumer] = inbox
        consumer.on_cancel.add(partial(self._on_cancel, consumer, inbox))

    def inbox_of(self, consumer: Receiver) -> InboxT | None:
        """Give the inbox for a consumer's messages; None if nobody wants them any more."""
        return self._inboxes.get(consumer, self._common)

    def end(self, consumer: Consumer) -> InboxT | None:
        """Want no more messages of a consumer; the inbox that may still hold some, None if none."""
        inbox = self._inboxes.get(consumer)
        self._inboxes[consumer] = None
        if consumer.cancelled:  # so that `_on_cancel` has been called, or need not
            self._inboxes.pop(consumer, None)
        return inbox

    def _on_cancel(self, consumer: Consumer, inbox: InboxT) -> None:
        self._inboxes.pop(consumer, None)
        inbox.close()
