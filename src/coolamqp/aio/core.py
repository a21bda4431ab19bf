"""The core of a Cluster on its event loop.

There is no lock: everything happens on the thread of the loop. Calls from another thread or loop
are refused. Calls of a finalizer that has interrupted the engine are postponed.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import random
import weakref
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from functools import partial
from inspect import isawaitable
from typing import Any, Final, cast

from coolamqp.aio.condition import Condition
from coolamqp.aio.dispatcher import Dispatcher
from coolamqp.aio.driver import Driver
from coolamqp.aio.future import ClusterFuture, TracedFuture, publish_with
from coolamqp.aio.inbox import Inbox
from coolamqp.aio.loop_guard import LoopGuard
from coolamqp.api import forks
from coolamqp.api.core import Core, is_coroutine_function
from coolamqp.api.options import ClusterOptions
from coolamqp.api.publishing import PublishCommands
from coolamqp.api.spans import processing
from coolamqp.attaches import Consumer
from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.events import Event
from coolamqp.attaches.mailbox import Mailbox
from coolamqp.attaches.publication import Publication
from coolamqp.objects.message import Settlement
from coolamqp.supervisor.stats import Stats
from coolamqp.tracing import CallSpan

# The time for the loop to answer another thread, in seconds.
STATS_TIMEOUT: Final = 2.0


class CallingTask(weakref.ref[asyncio.Task[Any]]):
    """A weak reference to a task, since a task holds all that its coroutine holds."""

    def is_alive(self) -> bool:
        """Whether the task has not ended."""
        task = self()
        return task is not None and not task.done()


class ClusterCore(Core[ClusterFuture, Driver], PublishCommands[ClusterFuture]):
    """The engine of a Cluster on its loop."""

    lock: LoopGuard
    dispatcher: Dispatcher

    def __init__(self, options: ClusterOptions) -> None:
        self.lock = LoopGuard()
        self.inbox = Inbox()
        self.state_changed = Condition()
        super().__init__(
            options, self._run, self.inbox, lambda: datetime.now(UTC), random.random, self._now
        )
        wrap = None if self.tracer is None else self._wrap
        self.dispatcher = Dispatcher(options.name, self.engine.mailboxes, wrap, self._wake)
        self._ended_future: ClusterFuture | None = None
        self._loop_end: AsyncGenerator[None, None] | None = None

    def _now(self) -> float:
        """Return the time of the loop; 0 before there is one."""
        return 0.0 if self.lock.loop is None else self.lock.loop.time()

    def _run(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.dispatcher.call(function, *arguments)

    def _wake(self) -> None:
        if self.driver is not None:
            self.driver.notify()

    def is_inside(self) -> bool:
        """Whether a finalizer or a signal handler on the loop has interrupted the engine."""
        return self.lock.is_mine()

    def wake(self) -> None:
        """Make the driver check the engine soon."""
        if self.driver is not None:
            self.driver.wake()

    def call_late(self, function: Callable[[], object]) -> None:
        """Call a function in the next iteration of the loop."""
        asyncio.get_running_loop().call_soon(function)

    def new_future(self, span: CallSpan | None = None) -> ClusterFuture:
        """Make a future for a program."""
        loop = self.lock.loop
        return ClusterFuture(loop=loop) if span is None else TracedFuture(span, loop)

    def own_future(self, on_end: Callable[[ClusterFuture], object]) -> ClusterFuture:
        """Make a future of CoolAMQP itself, with a function to call when it ends."""
        future = self.new_future()
        future.add_done_callback(on_end)
        return future

    def stats(self) -> Stats:
        """Return the statistics. From another thread, the loop takes them, and this waits."""
        loop = self.lock.loop
        if loop is not None and loop.is_closed():
            return self.engine.stats(0.0)  # Everything has ended, so the time does not matter.
        if loop is None or not loop.is_running() or self.lock.on_loop():
            return self.engine.stats(self.clock()) if self.is_inside() else self._take_stats()
        future: concurrent.futures.Future[Stats] = concurrent.futures.Future()
        loop.call_soon_threadsafe(self._answer_with_stats, future)
        try:
            return future.result(STATS_TIMEOUT)
        except TimeoutError:
            raise TimeoutError(
                f'the event loop of the Cluster has not answered within {STATS_TIMEOUT:g} s: it is '
                f'blocked or overloaded'
            ) from None

    def _answer_with_stats(self, future: concurrent.futures.Future[Stats]) -> None:
        future.set_result(self._take_stats())

    # Beginning and end

    async def start(self) -> None:
        """Begin to connect on the running loop.

        :raises RuntimeError: it was started before
        """
        self.check_process()
        if self.driver is not None:
            raise RuntimeError('this Cluster was started before; make a new one')
        self.lock.loop = asyncio.get_running_loop()
        driver = self.driver = Driver(
            self.engine,
            self.lock,
            self.postponed,
            self.dispatcher,
            self.report,
            self.on_reported,
        )
        self._loop_end = self._until_the_loop_ends(driver)
        await anext(self._loop_end)
        forks.watch(self)
        self.engine.start(self._now())
        driver.notify()

    async def _until_the_loop_ends(self, driver: Driver) -> AsyncGenerator[None, None]:
        """Abort everything if the loop ends without a shutdown.

        A loop that ends in good order closes the asynchronous generators that were begun on it.
        A loop that ends otherwise does not complain of a generator, as it would of a task.
        """
        try:
            yield
        finally:
            if not self.stopped:
                self.warn_of_unconfirmed()
                self.dispatcher.abandon()
                driver.abort()

    async def shutdown(self, wait: bool, timeout: float | None) -> None:
        """End everything within a timeout, in seconds.

        :raises RuntimeError: it was never started
        """
        if self.forked:
            return  # The connection is the parent's.
        self.stop(timeout, wait)
        driver = self.begun()
        deadline = None if timeout is None else self._now() + timeout
        self.state_changed.notify_all()
        if wait:
            await driver.wait_closed()
            await self.dispatcher.stop(None if deadline is None else deadline - self._now())
            if self._loop_end is not None:
                await self._loop_end.aclose()

    def abandon(self) -> None:
        """Close everything without a word to the broker: this is the copy in a forked child."""
        self.forked = True
        self.lock.loop = None
        self.engine.abandon()
        driver, self.driver = self.driver, None
        if driver is not None:
            driver.abandon()

    def current(self) -> CallingTask | None:
        """Return a reference to this task."""
        task = asyncio.current_task()
        return None if task is None else CallingTask(task)

    def on_state_change(self) -> None:
        """Wake the tasks that wait for the connection to come up, or for the end."""
        self.state_changed.notify_all()
        if self.stopped:
            self.close_inboxes()

    # Publishing

    def publish(
        self,
        publication: Publication,
        confirm: bool | None,
        timeout: float | None,
        span: CallSpan | None,
    ) -> ClusterFuture:
        """Publish a message; without confirm the future ends when it is handed over."""
        if self.is_inside():
            return self._publish_later(publication, confirm, timeout, span)
        with self.lock:
            self.running().notify()
            self.postponed.carry_out()
            if timeout is not None:
                self.engine.advance(self._now())
            return self._publish(publication, confirm, timeout, span)

    def _publish_later(
        self,
        publication: Publication,
        confirm: bool | None,
        timeout: float | None,
        span: CallSpan | None,
    ) -> ClusterFuture:
        future = self.new_future(span)
        publish_with(future, publication, self)
        window = self.engine.window
        publish = window.publish if confirm else window.publish_plain
        self._carry_out(partial(publish, publication, timeout), future)
        return future

    def publish_all(
        self, publications: list[Publication], confirm: bool, timeout: float | None
    ) -> list[ClusterFuture]:
        """Publish messages in their order."""
        if self.is_inside():
            return [self._publish_later(each, confirm, timeout, None) for each in publications]
        with self.lock:
            self.running().notify()
            self.postponed.carry_out()
            if timeout is not None:
                self.engine.advance(self._now())
            return [self._publish(each, confirm, timeout, None) for each in publications]

    def _publish(
        self,
        publication: Publication,
        confirm: bool | None,
        timeout: float | None,
        span: CallSpan | None,
    ) -> ClusterFuture:
        engine = self.engine
        if not confirm and span is None and engine.window.is_open_for_plain():
            engine.window.publish_plain(publication)
            return self._handed_over()
        future = self.new_future(span)
        publish_with(future, publication, self)
        if confirm:
            engine.window.publish(publication, timeout)
        else:
            engine.window.publish_plain(publication, timeout)
        return future

    def _handed_over(self) -> ClusterFuture:
        """Return a future that has ended; one serves for all messages that need no other."""
        future = self._ended_future
        if future is None:
            future = self._ended_future = self.new_future()
            future.set_result(None)
        return future

    async def wait_for_confirms(self, timeout: float | None) -> None:
        """Wait until every message that is unconfirmed now has ended.

        :raises TimeoutError: some are still unconfirmed
        """
        with self.lock:
            self.running()
        futures = cast('list[ClusterFuture]', self.engine.window.unconfirmed)
        if not futures:
            return
        unended = (await asyncio.wait(futures, timeout=timeout))[1]
        if unended:
            raise TimeoutError(f'{len(unended)} messages are not confirmed within {timeout} s')

    def withdraw(self, publication: Publication) -> bool:
        """Withdraw a message, for `cancel` of its future. Return False if it was sent.

        Also where the loop does not run any more, since a loop that ends cancels tasks.
        """
        if self.is_inside():
            self.postponed.add(partial(self.engine.withdraw, publication))
            self.wake()
            return False
        withdrawn = self.engine.withdraw(publication)
        self.wake()  # Others may wait for the room.
        return withdrawn

    # Consuming

    def check_callback(self, consumer: Consumer) -> None:
        """Refuse a coroutine function as inline `on_message`."""
        if consumer.inline and is_coroutine_function(consumer.on_message):
            raise TypeError(
                'an inline on_message is called at reception, where nothing can be awaited; '
                'leave out inline=True, or give a plain function'
            )

    def settle(self, ledger: AckLedger, delivery_tag: int, how: Settlement, multiple: bool) -> bool:
        """Settle a delivery, on the loop. Return whether it counts."""
        self.lock.check()
        return super().settle(ledger, delivery_tag, how, multiple)

    def retry(self, ledger: AckLedger, delivery_tag: int, publication: Publication) -> bool:
        """Retry a delivery, on the loop. Return whether it counts."""
        self.lock.check()
        return super().retry(ledger, delivery_tag, publication)

    def _wrap(self, mailbox: Mailbox, callback: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return a function that runs a callback in a span."""
        tracer = self.tracer
        if tracer is None:
            return callback

        async def process(message: Any) -> None:
            with processing(tracer, mailbox, message, self.peer()):
                result = callback(message)
                if isawaitable(result):
                    await result

        def process_inline(message: Any) -> object:
            with processing(tracer, mailbox, message, self.peer()):
                return callback(message)

        return process_inline if mailbox.inline else process

    async def take(self, inbox: Inbox, timeout: float | None) -> Event:
        """Wait for an event, and count it out."""
        self.lock.check()
        return self.count_out(await inbox.take(timeout))

    def end_iteration_later(self, consumer: Consumer, inbox: Inbox) -> None:
        """End an iteration later, for the garbage collector, which runs on any thread."""
        loop = self.lock.loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self.end_iteration, consumer, inbox)
