"""Running what programs gave us to run: message callbacks, hooks, done-callbacks.

Each consumer has a mailbox, emptied in order and by one thread at a time. One thread serves them
all, as long as callbacks are quick. When one has kept it for longer than `PATIENCE`, another thread
takes over the other mailboxes, so that a slow callback costs nobody but its own consumer.

While it is the only one, it drives the engine too, see `coolamqp.clustering.leader`.

A consumer with `workers` has its mailbox emptied by as many threads at once; one that is `inline`
has none, and its callbacks run at once on the thread that drives.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any, Final

from coolamqp.api.backlog import Backlog
from coolamqp.api.guard import guarded, log_exception
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.effects import Hook, message_of
from coolamqp.attaches.receiver import Receiver
from coolamqp.clustering.condition import Condition
from coolamqp.objects import ReceivedMessage
from coolamqp.objects.message import body_size

logger = logging.getLogger(__name__)

# How long a callback may keep the only thread before the others get one of their own, in seconds.
PATIENCE: Final = 0.1
# How long a thread that is not needed stays around, in seconds.
SPARE_LIFETIME: Final = 5.0
# A mailbox gives way to the others, and they to driving, after so many items or so many seconds.
TURN: Final = 64
SLICE: Final = 0.001


class Mailbox:
    """What waits to be run for one consumer, or for the Cluster itself (None).

    :ivar workers: by how many threads it may be emptied at once
    :ivar scheduled: by how many it is, or is going to be
    """

    __slots__ = ('consumer', 'items', 'scheduled', 'workers')

    def __init__(self, consumer: Receiver | None) -> None:
        self.consumer = consumer
        self.items: deque[Delivery | Hook] = deque()
        self.workers = 1 if consumer is None else consumer.workers
        self.scheduled = 0


class SharedBacklog(Backlog):
    """A backlog that several threads count in."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def add(self, messages: int, size: int) -> None:
        """Count messages in, or with negative numbers out."""
        with self._lock:
            super().add(messages, size)


class Dispatcher:
    """The dispatcher threads of one Cluster.

    :param name: of the threads
    :param traced: whether callbacks are to run in spans, unless their consumer says otherwise
    :param deliver: what to do with a message that is traced, or has no callback; called with
        consumer and message, tells whether the message goes on waiting somewhere, and so counts
        until `release`
    :param wake: called to have whoever drives look around again: there is room in a backlog that
        was full, or something to run for a thread that may just be driving
    """

    def __init__(
        self,
        name: str,
        traced: bool,
        deliver: Callable[[Receiver, Delivery], bool],
        wake: Callable[[], None],
    ) -> None:
        self.backlog = SharedBacklog()
        self._name = name
        self._traced = traced
        self._deliver = deliver
        self._wake = wake
        self._condition = Condition()
        self._mailboxes: dict[Receiver | None, Mailbox] = {}
        self._ready: deque[Mailbox] = deque()
        self._leadership = Mailbox(None)  # stands in `_ready` for driving
        self._drive: Callable[[bool], bool] | None = None
        self._late: deque[Hook] = deque()  # what came where no lock may be taken
        self._busy_since: dict[threading.Thread, float] = {}
        self._threads: set[threading.Thread] = set()
        self._pool_size = 1  # how many there should be if there is work for them
        self._idle = 0
        self._stopping = False

    # What the thread that drives calls

    def post(self, posts: list[tuple[Receiver, Delivery | Hook]]) -> None:
        """Put items into the mailboxes of their consumers."""
        messages, size = 0, 0
        inline: list[tuple[Receiver, Delivery | Hook]] = []
        with self._condition:
            for consumer, item in posts:
                if consumer.inline:
                    inline.append((consumer, item))
                    continue
                self._put(consumer, item)
                message = message_of(item)
                if message is not None:
                    messages += 1
                    size += body_size(message.body)
            self.backlog.add(messages, size)
            self._rouse()
        for consumer, item in inline:
            self._run(consumer, item)

    def call(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Have a function called that belongs to no consumer; these keep their order too."""
        with self._condition:
            self._put(None, Hook(function, arguments))
            self._rouse()
        self._wake()

    def call_late(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Have a function called from where a lock may be held: the garbage collector."""
        self._late.append(Hook(function, arguments))
        self._wake()

    def relieve(self, now: float) -> None:
        """Have another thread at work if slow callbacks keep the others, and work is waiting."""
        if not self._ready and not self._late:
            return
        if threading.current_thread() in self._threads:
            return  # It drives, and looks for work when it has done so.
        self._take_late()
        with self._condition:
            if self._is_stuck(now):
                self._add_worker()

    def wake_at(self) -> float:
        """Give the time at which `relieve` may have something to do."""
        if not self._ready:
            return inf
        with self._condition:
            if not self._ready or not self._busy_since:
                return inf
            return max(self._busy_since.values()) + PATIENCE

    def thread_to_drive(self, now: float) -> threading.Thread | None:
        """Give the only thread that there is, if it could drive too."""
        if len(self._threads) != 1 or self._pool_size != 1 or self._stopping:
            return None
        with self._condition:
            for thread in self._threads:
                if now <= self._busy_since.get(thread, now) + SLICE:
                    return thread
        return None

    def begin_to_drive(self, drive: Callable[[bool], bool]) -> None:
        """Have the thread drive between callbacks.

        :param drive: called with whether callbacks are waiting; tells whether to call it again
        """
        with self._condition:
            self._drive = drive
            self._ready.appendleft(self._leadership)
            self._rouse()

    def cease_to_drive(self) -> None:
        """Forget it if the thread has not begun yet."""
        with self._condition:
            if self._leadership in self._ready:
                self._ready.remove(self._leadership)

    # Any thread

    def deliver(self, consumer: Receiver, message: Delivery) -> None:
        """Hand a message to the program here and now."""
        if self._deliver_guarded(consumer, message):
            self.backlog.add(1, body_size(message.body))

    def release(self, message: ReceivedMessage) -> None:
        """Note that a message waits no more."""
        self._release(1, body_size(message.body))

    def _release(self, messages: int, size: int) -> None:
        if self.backlog.release(messages, size):
            self._wake()

    def finish(self) -> None:
        """Have the threads end when they have run what is in the mailboxes."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
            if self._ready:  # and perhaps a stuck callback, from which nobody relieves any more
                self._add_worker()

    def stop(self, timeout: float) -> None:
        """Finish, and wait for the threads to end, but not for our own.

        :param timeout: how long to wait for a callback that is running, in seconds
        """
        self.finish()
        with self._condition:
            threads = self._threads - {threading.current_thread()}
        deadline = time.monotonic() + timeout
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                logger.warning('%s still runs a callback; it is left to itself', thread.name)

    # Inside

    def _put(self, consumer: Receiver | None, item: Delivery | Hook) -> None:
        mailbox = self._mailboxes.get(consumer)
        if mailbox is None:
            mailbox = self._mailboxes[consumer] = Mailbox(consumer)
            self._pool_size += mailbox.workers - 1
        mailbox.items.append(item)
        if mailbox.scheduled < mailbox.workers:
            mailbox.scheduled += 1
            self._ready.append(mailbox)

    def _rouse(self) -> None:
        if not self._ready:
            return
        if self._idle:
            self._condition.notify(len(self._ready))
        busy = len(self._threads) - self._idle
        while len(self._threads) < min(self._pool_size, busy + len(self._ready)):
            self._start_thread()

    def _is_stuck(self, now: float) -> bool:
        return bool(self._ready) and all(
            now >= since + PATIENCE for since in self._busy_since.values()
        )

    def _add_worker(self) -> None:
        if self._idle:
            self._condition.notify()
        else:
            self._start_thread()

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name=f'{self._name} dispatcher', daemon=True)
        self._threads.add(thread)
        self._busy_since[thread] = time.monotonic()
        thread.start()

    def _work(self) -> None:
        thread = threading.current_thread()
        mailbox = self._next_mailbox(thread)
        while mailbox is not None:
            if mailbox is self._leadership:
                self._steer(thread)
            else:
                self._serve(thread, mailbox)
            mailbox = self._next_mailbox(thread, mailbox)

    def _steer(self, thread: threading.Thread) -> None:
        """Drive, and serve mailboxes in between, for as long as we have the helm."""
        while self._drive is not None and self._drive(self._has_work()):
            mailbox = self._waiting_mailbox(thread)
            began = self._busy_since[thread]
            while mailbox is not None:
                self._serve(thread, mailbox)
                due = self._busy_since[thread] > began + SLICE
                mailbox = self._waiting_mailbox(thread, mailbox, due)

    def _has_work(self) -> bool:
        self._take_late()
        return bool(self._ready)

    def _take_late(self) -> None:
        while self._late:
            hook = self._late.popleft()
            self.call(hook.function, *hook.arguments)

    def _waiting_mailbox(
        self, thread: threading.Thread, served: Mailbox | None = None, enough: bool = False
    ) -> Mailbox | None:
        """Give back the mailbox that was served, and take another if one is waiting."""
        with self._condition:
            if served is not None:
                self._give_back(served)
            return self._take(thread) if self._ready and not enough else None

    def _next_mailbox(
        self, thread: threading.Thread, served: Mailbox | None = None
    ) -> Mailbox | None:
        """Give back the mailbox that was served, and wait for another; None to end the thread."""
        with self._condition:
            if served is not None:
                self._give_back(served)
            while not self._ready:
                if self._stopping or not self._wait_for_work(thread):
                    self._threads.discard(thread)
                    self._busy_since.pop(thread, None)
                    return None
            return self._take(thread)

    def _take(self, thread: threading.Thread) -> Mailbox:
        self._busy_since[thread] = time.monotonic()
        return self._ready.popleft()

    def _give_back(self, mailbox: Mailbox) -> None:
        if mailbox is self._leadership:
            return
        if mailbox.items:
            self._ready.append(mailbox)
            return
        mailbox.scheduled -= 1
        if mailbox.scheduled:
            return
        if mailbox.consumer is not None and mailbox.consumer.cancelled:
            del self._mailboxes[mailbox.consumer]
            self._pool_size -= mailbox.workers - 1

    def _wait_for_work(self, thread: threading.Thread) -> bool:
        """Wait; False if nothing came and the thread is not needed."""
        self._busy_since.pop(thread, None)
        self._idle += 1
        roused = self._condition.wait(SPARE_LIFETIME if len(self._threads) > 1 else None)
        self._idle -= 1
        return roused or bool(self._ready) or len(self._threads) == 1

    def _serve(self, thread: threading.Thread, mailbox: Mailbox) -> None:
        items, consumer = mailbox.items, mailbox.consumer
        began = self._busy_since[thread]
        messages, size = 0, 0  # that wait no more, and are counted out together
        for _ in range(TURN):
            if not items:
                break
            try:
                item = items.popleft()
            except IndexError:  # another worker has just taken the last one
                break
            waits_on, message = self._run(consumer, item), message_of(item)
            if message is not None and not waits_on:
                messages += 1
                size += body_size(message.body)
            now = time.monotonic()
            self._busy_since[thread] = now
            if now > began + SLICE:
                break
        self._release(messages, size)

    def _run(self, consumer: Receiver | None, item: Delivery | Hook) -> bool:
        """Run an item; whether it is a message that goes on waiting somewhere."""
        if isinstance(item, Hook):
            guarded(item.function, *item.arguments)
            return False
        return consumer is not None and self._deliver_guarded(consumer, item)

    def _deliver_guarded(self, consumer: Receiver, message: Delivery) -> bool:
        try:
            if consumer.cancelled:
                return False
            if consumer.on_message is None or (self._traced and not consumer.dont_trace):
                return self._deliver(consumer, message)
            consumer.on_message(message)
        # SystemExit too: the thread is not the callback's to end.
        except BaseException:  # noqa: BLE001 - it is logged
            name = consumer.queue.name
            log_exception(logger, 'on_message of the consumer of %r raised', name)
            consumer.settle_failed(message)
        return False
