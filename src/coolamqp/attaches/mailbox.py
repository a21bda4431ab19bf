"""The mailbox of one consumer: the messages and hooks that wait for its callbacks, in order.

It also stores the options and states that control them, see `coolamqp.supervisor.mailboxes`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from coolamqp.attaches.batch import Batch
from coolamqp.attaches.consumer_options import WITHIN, OnError
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.events import Event
from coolamqp.objects import Queue


class Inbox(Protocol):
    """The events that wait for `drain` or for an iteration."""

    def put(self, event: Event) -> bool:
        """Add an event. Return whether it was added."""


class Caller(Protocol):
    """A thread or task that calls a Cluster."""

    def is_alive(self) -> bool:
        """Whether it has not ended."""


class Hook:
    """A call of a function of the program, in order with the messages of a consumer.

    :param carries: the message that the call is about; None for other calls. It counts towards the
        read watermarks
    """

    __slots__ = ('arguments', 'carries', 'function')

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: tuple[Any, ...] = (),
        carries: Delivery | None = None,
    ) -> None:
        self.function = function
        self.arguments = arguments
        self.carries = carries


# What `on_message` receives: a message, or a batch.
Received: TypeAlias = Delivery | Batch
Item: TypeAlias = Received | Hook


def messages_of(item: Item) -> Received | None:
    """Return the message of an item, or its batch; None for a hook without a message."""
    return item.carries if isinstance(item, Hook) else item


class Mailbox:
    """The mailbox of a consumer, or of the Cluster itself.

    :param queue: the queue of the consumer; None for the mailbox of the Cluster
    :param on_message: the callback for messages; None if messages go to the inbox
    :param workers: the number of callbacks that may run at the same time
    :param inline: whether the driver runs the callbacks at once
    :param on_error: the treatment of an unsettled message whose callback raises
    :param batch: the number of messages that the callback receives together; 0 for one at a time
    :param within: how long the first message of a batch waits for the others, in seconds
    :ivar inbox: the inbox for messages without `on_message`; with None, they are dropped
    :ivar span: the span of the program that the spans of the callbacks belong to
    :ivar dont_trace: whether the callbacks run without spans even if the Cluster has a tracer
    :ivar ending: whether the cancellation has begun. A message that waits then goes back into its
        queue, unless the consumer has `no_ack`
    :ivar closed: whether the consumer is cancelled; its messages are then dropped
    :ivar items: the waiting messages and hooks
    :ivar scheduled: the number of turns of this mailbox that are due or running, at most `workers`
    :ivar stopping_callbacks: the number of its callbacks that wait for the shutdown themselves
    :ivar iterator: the thread or task that iterates over the messages; None if none does
    """

    def __init__(
        self,
        queue: Queue | None = None,
        on_message: Callable[[Any], Any] | None = None,
        workers: int = 1,
        inline: bool = False,
        on_error: OnError = 'keep',
        batch: int = 0,
        within: float = WITHIN,
    ) -> None:
        self.queue = queue
        self.on_message = on_message
        self.workers = workers
        self.inline = inline
        self.on_error = on_error
        self.batch = batch
        self.within = within
        self.inbox: Inbox | None = None
        self.span: Any = None
        self.dont_trace = False
        self.ending = False
        self.closed = False
        self.items: deque[Item] = deque()
        self.scheduled = 0
        self.stopping_callbacks = 0
        self.iterator: Caller | None = None

    @property
    def at_rest(self) -> bool:
        """Whether nothing runs or waits here, except callbacks that wait for the shutdown."""
        iterating = self.iterator is not None and self.iterator.is_alive()
        return self.scheduled <= self.stopping_callbacks and not iterating

    def return_waiting(self) -> None:
        """Requeue the messages that no callback has received yet. The caller holds no lock."""
        for item in self.items.copy():  # Other threads change `items` meanwhile.
            messages = messages_of(item)
            if messages is not None:
                messages.nack()

    @property
    def name(self) -> str:
        """The name of the queue, for log records; empty without a queue, or if it has no name."""
        name = None if self.queue is None else self.queue.name
        return '' if name is None else name.decode('utf-8', 'backslashreplace')
