"""What all parts of a Cluster stand on: the engine, and the event loop around it.

There is no lock: everything happens on the thread of the loop, and the engine is never told
anything while it is at work. Who is on another thread, or another loop, is refused.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from inspect import isawaitable
from typing import Any

from coolamqp.aio.admission import Admission
from coolamqp.aio.condition import Condition
from coolamqp.aio.dispatcher import Dispatcher
from coolamqp.aio.driver import Driver
from coolamqp.aio.future import ClusterFuture, TracedFuture
from coolamqp.aio.inbox import Inbox
from coolamqp.aio.loop_guard import LoopGuard
from coolamqp.api.core import FaceCore, is_coroutine_function
from coolamqp.api.events import MessageReceived
from coolamqp.api.iterations import Iterations
from coolamqp.api.options import ClusterOptions
from coolamqp.api.spans import processing
from coolamqp.api.throttle import Throttle
from coolamqp.attaches import Consumer
from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.effects import Effects
from coolamqp.attaches.publication import Publication
from coolamqp.attaches.receiver import Receiver
from coolamqp.objects.message import Settlement
from coolamqp.supervisor.states import EngineState
from coolamqp.tracing import CallSpan


class ClusterCore(FaceCore[ClusterFuture, Driver]):
    """The engine of a Cluster on its loop; see `coolamqp.aio.Cluster`."""

    def __init__(self, options: ClusterOptions) -> None:
        self._lock: LoopGuard = LoopGuard()
        self._inbox = Inbox()
        self._iterations = Iterations(self._inbox)
        self._dispatcher = Dispatcher(options.name, self._callback_of, self._keep, self._wake)
        self._turned = Condition()  # the connection has come up, or cannot
        super().__init__(
            options,
            self._dispatcher.call,
            self._inbox.put,
            lambda: datetime.now(UTC),
            random.random,
            0.0,  # what the loop's clock says is known when there is a loop
        )
        self._unconfirmed = Admission(self._bounds.has_room, self._engine.publish)
        self._plain = Admission(self._bounds.has_sent_enough, self._publish_plain)
        self._ended_future: ClusterFuture | None = None
        self._loop_end: AsyncGenerator[None, None] | None = None

    def _new_future(self, span: CallSpan | None = None) -> ClusterFuture:
        loop = self._lock.loop
        return ClusterFuture(loop=loop) if span is None else TracedFuture(span, loop)

    def settle(self, ledger: AckLedger, delivery_tag: int, how: Settlement, multiple: bool) -> None:
        """Settle a delivery, on the loop."""
        self._lock.check()
        super().settle(ledger, delivery_tag, how, multiple)

    # Beginning and end

    async def _begin(self) -> Driver:
        """Have a driver on the running loop."""
        throttle = Throttle(self._engine, self._dispatcher.backlog)
        driver = Driver(self._engine, throttle, self._carry_out, self._on_progress)
        self._driver = driver
        self._loop_end = self._until_the_loop_ends(driver)
        await anext(self._loop_end)
        return driver

    async def _until_the_loop_ends(self, driver: Driver) -> AsyncGenerator[None, None]:
        """Let go of everything if the loop ends without a shutdown.

        A loop that ends in good order closes the asynchronous generators that were begun on it.
        Unlike a task, one that is left over is no trouble to a loop that ends otherwise.
        """
        try:
            yield
        finally:
            if not self.is_shutdown():
                self._dispatcher.abandon()
                driver.abort()

    async def _forget_the_loop(self) -> None:
        if self._loop_end is not None:
            await self._loop_end.aclose()

    def _begin_shutdown(self, now: float) -> None:
        """Have the engine end in good order, all that waited for room included."""
        if self._is_running():
            self._unconfirmed.clear()
            self._plain.clear()
        self._engine.stop(now)

    def _wake(self) -> None:
        if self._driver is not None:
            self._driver.notify()

    # What the engine tells

    def _post(self, effects: Effects) -> None:
        self._dispatcher.post(effects.posts)

    def _on_progress(self) -> None:
        """Let publications go on that waited for room."""
        admitted = self._unconfirmed.admit()
        if self._plain.admit() or admitted:
            self._wake()

    def _note_turn(self) -> None:
        self._turned.notify_all()
        if self._engine.state is EngineState.STOPPED:
            for inbox in self._iterations:
                inbox.close()

    def _callback_of(self, consumer: Receiver) -> Callable[[Any], Any] | None:
        """Give what is to be called with a consumer's messages, within a span if it is traced."""
        tracer = self._call_tracer
        function: Callable[[Any], Any] | None = consumer.on_message
        if tracer is None or function is None or consumer.dont_trace:
            return function

        async def process(message: Delivery) -> None:
            with processing(tracer, consumer, message, self._peer()):
                result = function(message)
                if isawaitable(result):
                    await result

        def process_inline(message: Delivery) -> object:
            with processing(tracer, consumer, message, self._peer()):
                return function(message)

        return process_inline if consumer.inline else process

    def _keep(self, consumer: Receiver, message: Delivery) -> None:
        """Let a message wait until the program asks for it."""
        inbox = self._iterations.inbox_of(consumer)
        if inbox is None:
            self._dispatcher.release(message)
        else:
            inbox.put(MessageReceived(message))

    def _publish_plain(self, publication: Publication) -> None:
        self._engine.publish_plain(publication)
        if publication.promise is not None:
            publication.promise.set_result(None)

    # What consumers ask for

    def _check_callback(self, consumer: Consumer) -> None:
        if consumer.inline and is_coroutine_function(consumer.on_message):
            raise TypeError(
                'an inline on_message is called at reception, where nothing can be awaited; '
                'leave out inline=True, or give a plain function'
            )

    def deliver(self, consumer: Receiver, message: Delivery) -> None:
        """Give a message to the program, from `Consumer.on_delivery`."""
        self._dispatcher.deliver(consumer, message)
