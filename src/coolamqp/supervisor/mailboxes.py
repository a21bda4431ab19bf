"""The mailboxes of one Cluster: the choice of the next callback.

This module decides which consumer has the next turn, how long the turn lasts, and how many workers
of a consumer run. It decides whether a message runs, waits in an inbox or is dropped, and how to
settle a message whose callback raises. A dispatcher only waits, runs callbacks and reports their
ends. This module is sans-I/O. The dispatcher for threads protects it by its own lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from traceback import format_exception_only
from typing import Any, Final

from coolamqp.attaches.batch import Batch
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.events import MessageReceived
from coolamqp.attaches.mailbox import Hook, Item, Mailbox, Received, messages_of
from coolamqp.exceptions import WireError
from coolamqp.objects.message import body_size
from coolamqp.supervisor.watermarks import ReadWatermarks

# A turn ends after this many items, or after this many seconds.
TURN_ITEMS: Final = 64
TURN_SECONDS: Final = 0.001


class Mailboxes:
    """The mailboxes with waiting items.

    :param watermarks: the read watermarks, which count the backlog
    :ivar own: the mailbox for functions that belong to no consumer
    :ivar ready: the mailboxes that wait for a turn, in order
    :ivar extra_workers: the number of workers of all scheduled consumers beyond their first
    :ivar running: the number of turns of consumers at this moment
    :ivar callbacks: the number of messages whose callback has run in a turn that has ended
    :ivar callback_seconds: the time of all turns of consumers that have ended
    """

    def __init__(self, watermarks: ReadWatermarks) -> None:
        self.watermarks = watermarks
        self.own = Mailbox()
        self.ready: deque[Mailbox] = deque()
        self.extra_workers = 0
        self.running = 0
        self.callbacks = 0
        self.callback_seconds = 0.0

    def post(self, callbacks: list[tuple[Mailbox, Item]]) -> list[tuple[Mailbox, Item]]:
        """Put items into their mailboxes. Return the inline ones, which must run at once."""
        inline: list[tuple[Mailbox, Item]] = []
        count, size = 0, 0
        for mailbox, item in callbacks:
            if mailbox.inline:
                inline.append((mailbox, item))
                continue
            mailbox.items.append(item)
            self._schedule(mailbox)
            messages = messages_of(item)
            if messages is not None:
                count += count_of(messages)
                size += size_of(messages)
        if count:
            self.watermarks.add(count, size)
        return inline

    def post_own(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Add a function that belongs to no consumer. Such functions run in order, too."""
        self.own.items.append(Hook(function, arguments))
        self._schedule(self.own)

    def post_first(self, mailbox: Mailbox, message: Delivery) -> None:
        """Put a message in front of all items of its mailbox."""
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
        """Return the mailbox for the next turn, if there is one. `give_back` ends the turn."""
        if not self.ready:
            return None
        mailbox = self.ready.popleft()
        if mailbox is not self.own:
            self.running += 1
        return mailbox

    def give_back(self, turn: Turn) -> bool:
        """End a turn. If its mailbox has items, it waits for its next turn behind the others.

        :returns: whether the engine has something to decide: it may read again after a pause, or
            the consumer may have come to its end
        """
        mailbox = turn.mailbox
        if mailbox is not self.own:
            self.running -= 1
        if mailbox.items:
            self.ready.append(mailbox)
        else:
            mailbox.scheduled -= 1
            if not mailbox.scheduled:
                self.extra_workers -= mailbox.workers - 1
        return self.count_out(turn) or mailbox.ending

    def count_out(self, turn: Turn) -> bool:
        """Remove the messages of a turn from the count of the backlog, and count its callbacks.

        :returns: whether the engine may read again after a pause
        """
        messages, size = turn.messages, turn.size
        if turn.mailbox is not self.own:
            self.callbacks += messages - turn.dropped
            self.callback_seconds += turn.seconds
        turn.messages = turn.size = turn.dropped = 0
        turn.seconds = 0.0
        return bool(messages) and self.watermarks.release(messages, size)


class Turn:
    """A turn: a limited time in which a thread or task runs the items of one mailbox.

    Each thread or task has one object of this class for all its turns. The object counts messages
    by itself, so that running an item needs no lock.

    :ivar mailbox: the mailbox of this turn
    :ivar callback: the function for the message that `next` has returned
    :ivar messages: the number of messages that have left the backlog in this turn
    :ivar size: the size of their bodies, in bytes
    :ivar dropped: how many of these messages no callback has received
    :ivar seconds: the time of the turn, once it has ended
    """

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.callback: Callable[[Any], Any] | None = None
        self.messages = 0
        self.size = 0
        self.dropped = 0
        self.seconds = 0.0
        self._ends_at = 0.0
        self._left = 0

    def begin(self, mailbox: Mailbox, now: float) -> None:
        """Start a turn of a mailbox."""
        self.mailbox = mailbox
        self._ends_at = now + TURN_SECONDS
        self._left = TURN_ITEMS

    def next(self, now: float) -> Item | None:
        """Return the next item to run; None at the end of the turn."""
        items = self.mailbox.items
        while self._left and items and now <= self._ends_at:
            try:
                item = items.popleft()
            except IndexError:  # Another worker has just removed the last item.
                break
            self._left -= 1
            messages = messages_of(item)
            if messages is None:
                return item
            if goes_back(self.mailbox, messages):
                self.dropped += self._count(messages)
                continue
            if isinstance(item, Hook):
                self._count(messages)
                return item
            self.callback = callback_for(self.mailbox)
            if self.callback is not None:
                self._count(messages)
                return item
            if not keep(self.mailbox, messages):
                self.dropped += self._count(messages)
        self.seconds = now - (self._ends_at - TURN_SECONDS)
        return None

    def _count(self, messages: Received) -> int:
        count = count_of(messages)
        self.messages += count
        self.size += size_of(messages)
        return count


def count_of(messages: Received) -> int:
    """Return the number of messages: of one, or of a batch."""
    return 1 if isinstance(messages, Delivery) else len(messages)


def size_of(messages: Received) -> int:
    """Return the size of the body of a message, or of all bodies of a batch, in bytes."""
    return body_size(messages.body) if isinstance(messages, Delivery) else messages.size


def callback_for(mailbox: Mailbox) -> Callable[[Any], Any] | None:
    """Return the callback for the messages of a mailbox; None if there is none."""
    return None if mailbox.closed else mailbox.on_message


def keep(mailbox: Mailbox, message: Received) -> bool:
    """Put a message into the inbox. Return whether it was added."""
    if mailbox.closed or mailbox.inbox is None or isinstance(message, Batch):
        return False
    return mailbox.inbox.put(MessageReceived(message))


def goes_back(mailbox: Mailbox, message: Received) -> bool:
    """Requeue a message, or a batch, of a consumer that is ending. Return whether it must not run.

    A message that the broker has forgotten (no_ack) runs until the consumer has ended.
    """
    if not mailbox.ending:
        return False
    message.nack()
    return mailbox.closed or message.delivery_tag is not None


def settle_failed(mailbox: Mailbox, message: Received, error: BaseException) -> None:
    """Settle a message, or a batch, whose callback has raised, according to `on_error`.

    While the consumer ends, the message is requeued. Then the callback may fail only because the
    program is ending, too.
    """
    if mailbox.ending:
        message.nack()
    elif mailbox.on_error == 'retry':
        _retry(message, error)
    elif mailbox.on_error != 'keep':
        message.reject(requeue=mailbox.on_error == 'requeue')


def _retry(received: Received, error: BaseException) -> None:
    """Retry a message, or each of a batch. Dead-letter one that cannot be copied.

    That is one with headers that nobody can read, or a number of the attempt that is too large.
    """
    reason = ' '.join(''.join(format_exception_only(error)).split())  # with its notes
    for message in [received] if isinstance(received, Delivery) else received:
        try:
            message.retry(reason)
        except (WireError, ValueError):
            message.reject()
