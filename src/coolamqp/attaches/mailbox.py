"""The mailbox of one consumer: the messages and hooks that wait to be run for it, in order.

It also holds everything that decides what becomes of them, see `coolamqp.supervisor.mailboxes`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from coolamqp.attaches.consumer_options import OnError
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.events import Event
from coolamqp.objects import Queue


class Inbox(Protocol):
    """Events that wait until a program asks for them."""

    def put(self, event: Event) -> bool:
        """Add an event; whether it waits now."""


class Hook:
    """A call of a function of the program, in its turn among the messages of a consumer.

    :param carries: the message that the call is about; it counts as waiting until the call ends
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


Item: TypeAlias = Delivery | Hook


def message_of(item: Item) -> Delivery | None:
    """Return the message that an item is, or carries."""
    return item.carries if isinstance(item, Hook) else item


class Mailbox:
    """The mailbox of a consumer, or of the Cluster itself.

    :param queue: the queue of the consumer; None for the mailbox of the Cluster itself
    :param on_message: called with each message; None if messages go to the inbox
    :param workers: how many callbacks may run at once
    :param inline: whether callbacks run as soon as the engine has received a message
    :param on_error: what becomes of a message whose callback raises
    :ivar inbox: where messages wait if there is no `on_message`; None drops them
    :ivar span: span of the program to which the callbacks belong, if there is a tracer
    :ivar dont_trace: whether callbacks run outside of spans though there is a tracer
    :ivar ending: whether the consumer is being cancelled
    :ivar closed: whether the consumer is cancelled; its messages are dropped then
    :ivar items: what waits
    :ivar scheduled: how many turns of this mailbox are due or under way, at most `workers`
    """

    def __init__(
        self,
        queue: Queue | None = None,
        on_message: Callable[[Any], Any] | None = None,
        workers: int = 1,
        inline: bool = False,
        on_error: OnError = 'keep',
    ) -> None:
        self.queue = queue
        self.on_message = on_message
        self.workers = workers
        self.inline = inline
        self.on_error = on_error
        self.inbox: Inbox | None = None
        self.span: Any = None
        self.dont_trace = False
        self.ending = False
        self.closed = False
        self.items: deque[Item] = deque()
        self.scheduled = 0

    @property
    def name(self) -> str:
        """The name of the queue, for log lines; empty if it belongs to no consumer."""
        return '' if self.queue is None else repr(self.queue.name)
