"""The mailboxes of one Cluster: what runs next, and what becomes of it.

Here is decided which consumer has its turn, for how long, on how many threads or tasks at once;
which messages run, wait in an inbox or are dropped; and how a message is settled whose callback
raises. A dispatcher waits, runs callbacks and reports back, and decides nothing. All of it is
sans-I/O; a dispatcher with several threads guards it by a lock of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.events import MessageReceived
from coolamqp.attaches.mailbox import Hook, Item, Mailbox, message_of
from coolamqp.objects.message import body_size
from coolamqp.supervisor.watermarks import ReadWatermarks

# A turn ends after this many items, or when this many seconds have passed.
TURN_ITEMS: Final = 64
TURN_SECONDS: Final = 0.001


class Mailboxes:
    """The mailboxes that have something to run.

    :param watermarks: count the messages that wait
    :ivar own: the mailbox for functions that belong to no consumer
    :ivar ready: the mailboxes whose turn is to come, in order
    :ivar extra_workers: how many workers consumers have beyond their first
    """

    def __init__(self, watermarks: ReadWatermarks) -> None:
        self.watermarks = watermarks
        self.own = Mailbox()
        self.ready: deque[Mailbox] = deque()
        self.extra_workers = 0

    def post(self, callbacks: list[tuple[Mailbox, Item]]) -> list[tuple[Mailbox, Item]]:
        """Put items into their mailboxes; return those that are to run here and now (inline)."""
        inline: list[tuple[Mailbox, Item]] = []
        messages, size = 0, 0
        for mailbox, item in callbacks:
            if mailbox.inline:
                inline.append((mailbox, item))
                continue
            mailbox.items.append(item)
            self._schedule(mailbox)
            message = message_of(item)
            if message is not None:
                messages += 1
                size += body_size(message.body)
        if messages:
            self.watermarks.add(messages, size)
        return inline

    def post_own(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Add a function that belongs to no consumer; these run in order, too."""
        self.own.items.append(Hook(function, arguments))
        self._schedule(self.own)

    def post_first(self, mailbox: Mailbox, message: Delivery) -> None:
        """Put a message before everything that waits in its mailbox."""
        self.watermarks.add(1, body_size(message.body))
        mailbox.items.appendleft(message)
        self._schedule(mailbox)

    def _schedule(self, mailbox: Mailbox) -> None:
        if mailbox.scheduled < mailbox.workers:
            if not mailbox.scheduled:
                self.extra_workers += mailbox.workers - 1
            mailbox.scheduled += 1
            self.ready.append(mailbox)

    def take(self) -> Mailbox | None:
        """Return the mailbox whose turn it is, if there is one; `give_back` follows."""
        return self.ready.popleft() if self.ready else None

    def give_back(self, turn: Turn) -> bool:
        """End a turn; if something waits in its mailbox, the next one comes after the others.

        :returns: whether reading, which was paused, may resume
        """
        mailbox = turn.mailbox
        if mailbox.items:
            self.ready.append(mailbox)
        else:
            mailbox.scheduled -= 1
            if not mailbox.scheduled:
                self.extra_workers -= mailbox.workers - 1
        return self.count_out(turn)

    def take_again(self, mailbox: Mailbox) -> bool:
        """Take a mailbox that was just given back; False if nothing waits in it."""
        if mailbox not in self.ready:
            return False
        self.ready.remove(mailbox)
        return True

    def count_out(self, turn: Turn) -> bool:
        """Count out the messages that a turn has run; whether reading may resume."""
        messages, size = turn.messages, turn.size
        turn.messages = turn.size = 0
        return bool(messages) and self.watermarks.release(messages, size)


class Turn:
    """A turn of one mailbox: what it runs, one item after the other.

    A thread or task has one, and begins it for each mailbox that it serves. It keeps what it
    counts, so that running an item needs no lock.

    :ivar mailbox: the mailbox whose turn it is
    :ivar callback: the function for the message that `next` has returned
    :ivar messages: how many messages have ceased to wait in this turn
    :ivar size: the size of their bodies, in bytes
    """

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.callback: Callable[[Any], Any] | None = None
        self.messages = 0
        self.size = 0
        self._ends_at = 0.0
        self._left = 0

    def begin(self, mailbox: Mailbox, now: float) -> None:
        """Begin a turn."""
        self.mailbox = mailbox
        self._ends_at = now + TURN_SECONDS
        self._left = TURN_ITEMS

    def next(self, now: float) -> Item | None:
        """Return the next item to run; None at the end of the turn."""
        items = self.mailbox.items
        while self._left and items and now <= self._ends_at:
            try:
                item = items.popleft()
            except IndexError:  # another worker has just taken the last one
                break
            self._left -= 1
            message = message_of(item)
            if message is None:
                return item
            if isinstance(item, Hook):
                self._count(message)
                return item
            self.callback = callback_for(self.mailbox)
            if self.callback is not None:
                self._count(message)
                return item
            if not keep(self.mailbox, message):
                self._count(message)
        return None

    def _count(self, message: Delivery) -> None:
        self.messages += 1
        self.size += body_size(message.body)


def callback_for(mailbox: Mailbox) -> Callable[[Any], Any] | None:
    """Return the function to call with a message of a mailbox; None if there is none to call."""
    return None if mailbox.closed else mailbox.on_message


def keep(mailbox: Mailbox, message: Delivery) -> bool:
    """Put a message into the inbox, where the program asks for it; whether it waits there."""
    if mailbox.closed or mailbox.inbox is None:
        return False
    return mailbox.inbox.put(MessageReceived(message))


def settle_failed(mailbox: Mailbox, message: Delivery) -> None:
    """Settle a message whose callback has raised, as `on_error` says.

    Not while its consumer ends: what the callback needed may be ending as well, and the broker puts
    the message back into the queue with all that are not settled.
    """
    if mailbox.on_error != 'keep' and not mailbox.ending and not mailbox.closed:
        message.reject(requeue=mailbox.on_error == 'requeue')
