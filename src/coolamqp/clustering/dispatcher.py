"""The dispatcher threads of a Cluster: they run callbacks, hooks and done-callbacks.

One thread serves all mailboxes, as long as callbacks are quick. When a callback has kept it for
longer than `SLOW_SECONDS`, another thread takes over the other mailboxes, so that a slow callback
costs nobody but its own consumer. While the thread is the only one, it leads as well, see
`coolamqp.clustering.leader`. What runs next, and for how long, is decided in
`coolamqp.supervisor.mailboxes`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any, Final

from coolamqp.api.guarded import guarded, log_failed_callback
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.mailbox import Hook, Item, Mailbox, Received
from coolamqp.clustering.condition import Condition
from coolamqp.clustering.lock import ownership
from coolamqp.log_events import LogEvent, extra, one_line
from coolamqp.objects import ReceivedMessage
from coolamqp.objects.message import body_size
from coolamqp.supervisor.mailboxes import (
    TURN_SECONDS,
    Mailboxes,
    Turn,
    callback_for,
    goes_back,
    keep,
    settle_failed,
)

logger = logging.getLogger(__name__)

# When a callback has kept the only thread for this long, in seconds, the others get another thread.
SLOW_SECONDS: Final = 0.1
# How long a thread that is not needed stays around, in seconds.
SPARE_LIFETIME: Final = 5.0


class Dispatcher:
    """The dispatcher threads of one Cluster.

    :param name: of the threads
    :param mailboxes: what waits to be run; touched only under the lock of the dispatcher
    :param wrap: returns the function to call in place of a callback, in a span; None without tracer
    :param wake: called to make another thread, the leader, look around again
    :param interrupt: called to make the leader look around again, even if it is this thread
    :param lock: held whenever the mailboxes are touched; other parts that wait may use it, too
    """

    def __init__(
        self,
        name: str,
        mailboxes: Mailboxes,
        wrap: Callable[[Mailbox, Callable[[Any], Any]], Callable[[Any], Any]] | None,
        wake: Callable[[], None],
        interrupt: Callable[[], None],
        lock: threading.RLock,
    ) -> None:
        self._name = name
        self._mailboxes = mailboxes
        self._wrap = wrap
        self._wake = wake
        self._interrupt = interrupt
        self._is_inside = ownership(lock)
        self._condition = Condition(lock)
        self._lead: Callable[[bool], bool] | None = None  # called to drive, by the leader
        self._lead_offered = False
        self._lead_mailbox = Mailbox()  # stands for the offer among the mailboxes
        self._late: deque[Hook] = deque()  # from where no lock may be taken
        self._busy_since: dict[threading.Thread, float] = {}
        self._serving: dict[threading.Thread, Mailbox] = {}  # in their turns
        self._threads: set[threading.Thread] = set()
        self._stoppers: set[threading.Thread] = set()  # that are in `stop`
        self._idle = 0
        self._stopping = False

    # The leader

    def post(self, callbacks: list[tuple[Mailbox, Item]]) -> None:
        """Put messages and hooks into their mailboxes, and run inline ones on this thread."""
        with self._condition:
            inline = self._mailboxes.post(callbacks)
            self._rouse()
        for mailbox, item in inline:
            if isinstance(item, Hook):
                guarded(item.function, *item.arguments)
            elif not goes_back(mailbox, item):
                callback = callback_for(mailbox)
                if callback is not None:
                    self._call(mailbox, callback, item)

    def relieve(self, now: float) -> None:
        """Start another thread if all others run slow callbacks and work is waiting."""
        if not self._mailboxes.ready and not self._late:
            return
        if threading.current_thread() in self._threads:
            return  # It leads, and looks for work when it has done so.
        self._take_late()
        with self._condition:
            if self._is_stuck(now):
                self._add_worker()

    def wake_at(self) -> float:
        """Return the time at which `relieve` may have something to do."""
        if not self._mailboxes.ready:
            return inf
        # Without the lock, since the caller holds the lock of the engine: no thread holds both.
        busy_since = list(self._busy_since.values())
        return max(busy_since) + SLOW_SECONDS if busy_since else inf

    def thread_to_lead(self, now: float) -> threading.Thread | None:
        """Return the only dispatcher thread, if it can be the leader; otherwise None."""
        if len(self._threads) != 1 or self._mailboxes.extra_workers or self._stopping:
            return None
        with self._condition:
            for thread in self._threads:
                if now <= self._busy_since.get(thread, now) + TURN_SECONDS:
                    return thread
        return None

    def offer_lead(self, drive: Callable[[bool], bool]) -> None:
        """Let the dispatcher thread drive the engine between callbacks.

        :param drive: called with whether callbacks are waiting. It returns whether to call it again
        """
        with self._condition:
            self._lead = drive
            self._lead_offered = True
            self._rouse()

    def withdraw_lead(self) -> None:
        """Withdraw the offer of `offer_lead`, if the thread has not begun to drive."""
        with self._condition:
            self._lead_offered = False

    # Any thread

    def call(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function that belongs to no consumer. These functions run in order, too."""
        if self._is_inside():  # A signal handler or a finalizer has interrupted this thread.
            self.call_late(function, *arguments)
            return
        with self._condition:
            self._mailboxes.post_own(function, *arguments)
            self._rouse()
        self._wake()

    def call_late(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function soon. The caller may hold a lock, as in a finalizer."""
        self._late.append(Hook(function, arguments))
        self._interrupt()

    def deliver(self, mailbox: Mailbox, message: Delivery) -> None:
        """Call the program with a message, on this thread."""
        callback = callback_for(mailbox)
        if callback is not None:
            self._call(mailbox, callback, message)
        elif keep(mailbox, message):
            with self._condition:
                self._mailboxes.watermarks.add(1, body_size(message.body))

    def release(self, message: ReceivedMessage) -> None:
        """Record that a program has taken a message from an inbox."""
        with self._condition:
            resume = self._mailboxes.watermarks.release(1, body_size(message.body))
        if resume:
            self._wake()

    def calling_mailbox(self) -> Mailbox | None:
        """Return the mailbox that the calling thread serves; None if it serves none."""
        return self._serving.get(threading.current_thread())

    def finish(self) -> None:
        """End the threads when they have run everything in the mailboxes."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
            if self._mailboxes.ready:  # and perhaps a stuck callback, with no leader to relieve it
                self._add_worker()

    def stop(self, timeout: float | None) -> None:
        """Finish, and wait for the threads to end, but not for those that wait here themselves.

        :param timeout: the time to wait for running callbacks, in seconds; None for no limit
        """
        self.finish()
        caller = threading.current_thread()
        with self._condition:
            self._stoppers.add(caller)
            threads = self._threads - self._stoppers
        try:
            self._join(threads, timeout)
        finally:
            with self._condition:
                self._stoppers.discard(caller)

    def _join(self, threads: set[threading.Thread], timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                logger.warning(
                    '%s still runs a callback; it is left to itself',
                    one_line(thread.name),
                    extra=extra(LogEvent.CALLBACK_ABANDONED),
                )
                with self._condition:
                    self._threads.discard(thread)

    # Threads, with the lock held

    def _rouse(self) -> None:
        due = len(self._mailboxes.ready) + self._lead_offered
        if not due:
            return
        if self._idle:
            self._condition.notify(due)
        busy = len(self._threads) - self._idle
        pool_size = 1 + self._mailboxes.extra_workers
        while len(self._threads) < min(pool_size, busy + due):
            if not self._start_thread():
                return

    def _is_stuck(self, now: float) -> bool:
        return bool(self._mailboxes.ready) and all(
            now >= since + SLOW_SECONDS for since in self._busy_since.values()
        )

    def _add_worker(self) -> None:
        if self._idle:
            self._condition.notify()
        else:
            self._start_thread()

    def _start_thread(self) -> bool:
        """Start a thread. Return False if it does not start: Python 3.12 starts none at its end."""
        thread = threading.Thread(target=self._work, name=f'{self._name} dispatcher', daemon=True)
        now = time.monotonic()
        self._threads.add(thread)
        self._busy_since[thread] = now
        try:
            thread.start()
        except RuntimeError as error:
            logger.warning(
                '%s does not start: %s',
                thread.name,
                error,
                extra=extra(LogEvent.THREAD_NOT_STARTED, cause=error),
            )
            self._threads.discard(thread)
            del self._busy_since[thread]
            self._busy_since.update(dict.fromkeys(self._busy_since, now))  # The next try is later.
            return False
        return True

    def _take(self, thread: threading.Thread) -> Mailbox | None:
        """Return the next mailbox to serve; None if there is none."""
        if self._lead_offered:
            self._lead_offered = False
            mailbox: Mailbox | None = self._lead_mailbox
        else:
            mailbox = self._mailboxes.take()
        if mailbox is not None:
            self._busy_since[thread] = time.monotonic()
        return mailbox

    def _wait_for_work(self, thread: threading.Thread) -> bool:
        """Wait for work. Return False if none came and the thread is not needed."""
        self._busy_since.pop(thread, None)
        self._idle += 1
        roused = self._condition.wait(SPARE_LIFETIME if len(self._threads) > 1 else None)
        self._idle -= 1
        return roused or bool(self._mailboxes.ready) or len(self._threads) == 1

    # A thread

    def _work(self) -> None:
        thread = threading.current_thread()
        turn = Turn(self._lead_mailbox)
        mailbox = self._await_mailbox(thread)
        while mailbox is not None:
            if mailbox is self._lead_mailbox:
                self._drive(thread, turn)
            else:
                self._serve(thread, turn, mailbox)
            mailbox = self._await_mailbox(thread)

    def _await_mailbox(self, thread: threading.Thread) -> Mailbox | None:
        """Wait for the next mailbox, and return it; None to end the thread."""
        with self._condition:
            while (mailbox := self._take(thread)) is None:
                if self._stopping or not self._wait_for_work(thread):
                    self._threads.discard(thread)
                    self._busy_since.pop(thread, None)
                    return None
            return mailbox

    def _drive(self, thread: threading.Thread, turn: Turn) -> None:
        """Drive the engine and serve mailboxes, in turns, while this thread is the leader."""
        while self._lead is not None and self._lead(self._has_work()):
            began = time.monotonic()
            while self._mailboxes.ready and self._busy_since[thread] <= began + TURN_SECONDS:
                with self._condition:
                    mailbox = self._take(thread)
                if mailbox is not None:
                    self._serve(thread, turn, mailbox)

    def _has_work(self) -> bool:
        self._take_late()
        return bool(self._mailboxes.ready)

    def _take_late(self) -> None:
        while self._late:
            hook = self._late.popleft()
            self.call(hook.function, *hook.arguments)

    def _serve(self, thread: threading.Thread, turn: Turn, mailbox: Mailbox) -> None:
        """Run items of a mailbox for one turn, and give it back."""
        now = self._busy_since[thread]
        turn.begin(mailbox, now)
        self._serving[thread] = mailbox
        while (item := turn.next(now)) is not None:
            if isinstance(item, Hook):
                guarded(item.function, *item.arguments)
            elif turn.callback is not None:
                self._call(mailbox, turn.callback, item)
            now = time.monotonic()
            self._busy_since[thread] = now
        del self._serving[thread]
        with self._condition:
            resume = self._mailboxes.give_back(turn)
        if resume:
            self._wake()

    def _call(self, mailbox: Mailbox, callback: Callable[[Any], Any], received: Received) -> None:
        try:
            if self._wrap is not None and not mailbox.dont_trace:
                callback = self._wrap(mailbox, callback)
            callback(received)
        # SystemExit too: the thread is not the callback's to end.
        except BaseException as error:  # noqa: BLE001 - it is logged
            log_failed_callback(logger, mailbox.name)
            settle_failed(mailbox, received, error)
