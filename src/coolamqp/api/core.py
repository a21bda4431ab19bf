"""The core of a Cluster: the engine, and the access of calls, consumers and messages to it.

The core carries out each command under the engine lock, and then notifies the driver. It postpones
the calls of signal handlers and finalizers that have interrupted the engine. The cores for threads
and for asyncio add the lock and the driver.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, Generic, Protocol, TypeVar, cast

from coolamqp.api.base_driver import CallbackRunner, Reports
from coolamqp.api.commands import Command, Commands, FutureT
from coolamqp.api.guarded import guarded
from coolamqp.api.options import ClusterOptions
from coolamqp.api.postponed import PostponedCalls
from coolamqp.api.reporter import Reporter
from coolamqp.api.requests import check_timeout
from coolamqp.api.settlements import TracedOwner
from coolamqp.api.spans import details_of, end_with, name_of, with_context
from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.consumer import Consumer, subscription_of
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.events import AllNodesRefused, Event, MessageReceived, TopologyRestored
from coolamqp.attaches.mailbox import Caller, Inbox, Mailbox
from coolamqp.attaches.promise import Promise
from coolamqp.attaches.publication import Publication
from coolamqp.attaches.subscription import ConsumerOwner, Subscription
from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import Message, NodeDefinition
from coolamqp.objects.message import Settlement
from coolamqp.supervisor.client_properties import client_properties
from coolamqp.supervisor.engine import Engine
from coolamqp.supervisor.states import EngineState
from coolamqp.supervisor.stats import Stats
from coolamqp.telemetry import call_tracer
from coolamqp.tracing import CallSpan


class ClosableInbox(Inbox, Protocol):
    """An inbox that a program reads events from."""

    def close(self) -> None:
        """Close the inbox, and wake all readers."""

    def discard(self) -> list[Event]:
        """Accept no more events, and return the unread ones."""


class Driver(Protocol):
    """The owner of the socket and the clock of an engine."""

    def notify(self) -> None:
        """Check the engine for new work. The caller holds the lock."""


DriverT = TypeVar('DriverT', bound=Driver)


class Core(Commands[FutureT], Generic[FutureT, DriverT]):
    """The engine of a Cluster, and the commands that are the same for threads and for asyncio.

    :param run: runs a hook with its arguments, on a dispatcher thread or in a task
    :param inbox: the inbox of `drain`
    :param utc_now: returns the date and time in UTC, for faults
    :param random: returns numbers from 0 to 1, for the back-off
    :param clock: returns the time on the driver's clock, in seconds
    :ivar lock: the engine lock, which each call of the engine needs
    :ivar driver: the driver; None before the start of the Cluster
    :ivar postponed: the calls that have interrupted the engine
    :ivar stopping: whether the program has shut the Cluster down
    :ivar forked: whether this is the copy of a child process
    """

    lock: AbstractContextManager[Any]
    dispatcher: CallbackRunner

    def __init__(
        self,
        options: ClusterOptions,
        run: Callable[..., None],
        inbox: ClosableInbox,
        utc_now: Callable[[], datetime],
        random: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self.name = options.name
        self.tracer = call_tracer(options.tracer)
        self.reporter = Reporter(
            options.name,
            run,
            inbox.put,
            utc_now,
            clock,
            options.on_fail,
            options.on_blocked,
            options.all_events,
        )
        owner: ConsumerOwner = self
        if self.tracer is not None and self.tracer.traces_settlements:
            owner = TracedOwner(self, self.tracer, self.peer)
        self.engine = Engine(
            options.nodes,
            client_properties(options.name, options.extra_properties),
            owner,
            options.log_frames,
            random,
            clock(),
            options.max_unconfirmed,
            options.max_unconfirmed_bytes,
            options.nack_timeout,
        )
        self.postponed = PostponedCalls(self.engine.effects)
        self.driver: DriverT | None = None
        self.stopping = False
        self.forked = False
        self.clock = clock
        self._common_inbox = inbox
        self._iterations: dict[Mailbox, ClosableInbox] = {}
        self._refusals: list[tuple[NodeDefinition, Exception]] = []

    @abstractmethod
    def new_future(self, span: CallSpan | None = None) -> FutureT:
        """Make a future for a program.

        :param span: the span to end together with the future
        """

    @abstractmethod
    def own_future(self, on_end: Callable[[FutureT], object]) -> FutureT:
        """Make a future of CoolAMQP itself.

        :param on_end: called when it ends, even while a done-callback of the program blocks
        """

    @abstractmethod
    def current(self) -> Caller | None:
        """Return an object that is equal for all calls of this thread or task."""

    @abstractmethod
    def is_inside(self) -> bool:
        """Whether a signal handler or a finalizer of this thread has interrupted the engine."""

    @abstractmethod
    def wake(self) -> None:
        """Make the driver check the engine soon. Any thread may call it, at any moment."""

    @abstractmethod
    def call_late(self, function: Callable[[], object]) -> None:
        """Call a function soon, without the lock. The caller may hold it."""

    @abstractmethod
    def on_state_change(self) -> None:
        """Wake all threads or tasks that wait for the connection or for the end."""

    # State

    @property
    def connected(self) -> bool:
        """Whether there is a connection with restored topology and consumers."""
        return self.engine.state is EngineState.UP

    @property
    def stopped(self) -> bool:
        """Whether the engine has stopped."""
        return self.engine.state is EngineState.STOPPED

    def stats(self) -> Stats:
        """Return the statistics, also to a signal handler that has interrupted the engine."""
        if self.is_inside():
            return self.engine.stats(self.clock())
        with self.lock:
            return self._take_stats()

    def _take_stats(self) -> Stats:
        now = self.clock()
        self.engine.mark_time(now)
        return self.engine.stats(now)

    def peer(self) -> tuple[str, int] | None:
        """Return host and port of the current node; None if there is none."""
        node = self.engine.node
        return None if node is None else (node.host, node.port)

    def running(self) -> DriverT:
        """Return the driver of a running Cluster.

        :raises RuntimeError: the Cluster is not started, or belongs to another process
        :raises ConnectionDead: the Cluster is shut down
        """
        driver = self.begun()
        if not self.engine.takes_commands:
            raise ConnectionDead('this Cluster was shut down or is shutting down; make a new one')
        return driver

    def begun(self) -> DriverT:
        """Return the driver of a started Cluster, even after the shutdown.

        :raises RuntimeError: the Cluster is not started, or belongs to another process
        """
        if self.driver is None:
            self.check_process()
            raise RuntimeError('this Cluster is not started yet; call start() first')
        return self.driver

    def check_process(self) -> None:
        """Refuse to act in a child process, whose copy of the connection is its parent's.

        :raises RuntimeError: this process was forked after the Cluster was started
        """
        if self.forked:
            raise RuntimeError(
                'this Cluster was started before a fork, and belongs to the parent process; '
                'make and start one of your own in the child'
            )

    def start_has_ended(self) -> bool:
        """Whether the start has succeeded or failed."""
        return self.connected or bool(self._refusals) or self.stopped

    def is_up_or_ending(self) -> bool:
        """Whether there is a connection, or the Cluster is stopping."""
        return self.connected or not self.engine.takes_commands

    def no_connection(self, timeout: float | None) -> ConnectionDead:
        """Return the error of a failed start. The caller holds the lock."""
        failures = self._refusals or self.engine.failures
        causes = '; '.join(f'{node}: {cause}' for node, cause in failures)
        return ConnectionDead(f'cannot connect: {causes or f"no answer within {timeout} s"}')

    def warn_if_running(self) -> None:
        """Warn that the program has started the Cluster and not shut it down."""
        if self.driver is None or self.stopping or self.stopped:
            return
        warnings.warn(
            f'{self.name}: the Cluster was not shut down; unconfirmed messages: '
            f'{self.engine.window.unconfirmed_count}; call shutdown(), or use a with block',
            ResourceWarning,
            stacklevel=2,
        )

    def warn_of_unconfirmed(self) -> None:
        """Warn at the end of the program or of the loop, if messages are unconfirmed."""
        if self.engine.window.unconfirmed_count:
            self.warn_if_running()

    # Commands

    def command(self, command: Command, span: CallSpan | None = None) -> FutureT:
        """Carry out a command under the engine lock, notify the driver, and return the future."""
        self.running()
        future = self.new_future(span)
        self._carry_out(partial(command, self.engine, future), future)
        return future

    def _carry_out(self, command: Callable[[], object], promise: Promise | None = None) -> None:
        """Carry out a command of a running Cluster.

        :param promise: the promise that ends with the error of a postponed command
        """

        def carry_out() -> None:
            driver = self.running()
            self.engine.advance(self.clock())
            try:
                command()
            finally:
                driver.notify()

        self.call_engine(carry_out, promise)

    def call_engine(
        self,
        call: Callable[[], object],
        promise: Promise | None = None,
        then: Callable[[], object] | None = None,
    ) -> None:
        """Make a call under the engine lock; postpone it if it has interrupted the engine.

        :param promise: the promise that ends with the error if a postponed call raises one
        :param then: called after the call, without the lock
        """
        if self.is_inside():
            self.postponed.add(call, promise)
            if then is not None:
                self.postponed.add(partial(self.call_late, then))
            self.wake()
            return
        with self.lock:
            self.postponed.carry_out()
            call()
        if then is not None:
            then()

    def consume(
        self, consumer: Consumer, span: CallSpan | None, inbox: Inbox | None = None
    ) -> FutureT:
        """Start a consumer.

        :param span: the span to end together with the future
        :param inbox: the inbox for its messages if it has no `on_message`; None for that of `drain`
        """
        self.check_callback(consumer)
        subscription = subscription_of(consumer)
        future = cast('FutureT | None', subscription.promise)
        if future is not None and span is not None:
            future.add_done_callback(partial(end_with, span))
        self.running()
        if future is None:
            future = self.new_future(span)
        self._carry_out(partial(self._consume, subscription, future, inbox), future)
        return future

    def _consume(self, subscription: Subscription, future: FutureT, inbox: Inbox | None) -> None:
        self.engine.consume(subscription, future)
        subscription.mailbox.inbox = self._common_inbox if inbox is None else inbox

    @abstractmethod
    def check_callback(self, consumer: Consumer) -> None:
        """Check whether this Cluster can call the `on_message` of a consumer.

        :raises TypeError: the function is of the wrong kind
        """

    def publish_reply(self, answer: Message, routing_key: bytes) -> FutureT:
        """Publish the reply to a request, for `ReceivedMessage.reply`."""

        def command(engine: Engine, promise: Any) -> None:
            publication.promise = promise
            engine.window.publish(publication)

        details = {}
        if self.tracer is not None:
            details = {'routing_key': name_of(routing_key), **details_of(answer)}
        with self.traced('reply', routing_key, None, False, kind='producer', **details) as traced:
            publication = Publication(with_context(answer, traced), b'', routing_key)
            return self.command(command, traced)

    # For consumers and messages

    def cancel(self, subscription: Subscription, timeout: float | None) -> FutureT:
        """Cancel a consumer, for `Consumer.cancel`."""
        check_timeout(timeout)
        future = self.new_future()
        return_waiting = partial(self._return_waiting, subscription)
        if self.driver is None:
            return_waiting()
        else:
            by_callback = self._is_caller(subscription.mailbox)
            arguments = (subscription, future, timeout, by_callback)
            cancel = partial(self._cancel, self.driver, *arguments)
            self.call_engine(cancel, future, return_waiting)
        if self.driver is None or self.stopped:  # The shutdown has cancelled the consumer.
            future.set_result(None)
        return future

    def _cancel(
        self,
        driver: DriverT,
        subscription: Subscription,
        future: FutureT,
        timeout: float | None,
        by_callback: bool,
    ) -> None:
        self.engine.advance(self.clock())
        self.engine.cancel(subscription, future, timeout, by_callback)
        driver.notify()

    def stop(self, timeout: float | None, wait: bool) -> None:
        """Begin the shutdown.

        :param timeout: the time for the shutdown, in seconds; None for no limit
        :param wait: whether the caller then waits for the end
        :raises RuntimeError: the Cluster was never started
        """
        check_timeout(timeout)
        if self.driver is None and not self.is_inside():  # or a signal handler interrupts the start
            raise RuntimeError('this Cluster was never started')
        self.stopping = True
        caller = self._release_caller() if wait else None
        cancelled: list[Subscription] = []

        def stop() -> None:
            cancelled.extend(self.engine.stop(self.clock(), timeout, caller))
            if self.driver is not None:
                self.driver.notify()

        def return_waiting() -> None:
            for subscription in cancelled:
                self._return_waiting(subscription)

        self.call_engine(stop, then=return_waiting)

    def _release_caller(self) -> Mailbox | None:
        """Exclude the caller from what the shutdown waits for, since it waits for the shutdown.

        :returns: the mailbox whose callback is the caller; None if it is no callback
        """
        for mailbox in list(self._iterations):
            if mailbox.iterator == self.current():
                mailbox.iterator = None
        return self.dispatcher.calling_mailbox()

    def _is_caller(self, mailbox: Mailbox) -> bool:
        """Whether a callback of a consumer, or the loop of its iteration, makes this call."""
        return self.dispatcher.calling_mailbox() is mailbox or mailbox.iterator == self.current()

    def _return_waiting(self, subscription: Subscription) -> None:
        """Requeue the messages of a cancelled consumer that the program has not received yet."""
        subscription.mailbox.return_waiting()
        inbox = self._iterations.get(subscription.mailbox)
        if inbox is None:
            return
        if subscription.consumer.no_ack:
            inbox.close()
        else:
            self._discard(inbox)

    def _discard(self, inbox: ClosableInbox) -> None:
        for event in inbox.discard():
            self.count_out(event)
            if isinstance(event, MessageReceived):
                event.nack()

    def change_prefetch(self, subscription: Subscription, prefetch_count: int) -> None:
        """Change the prefetch count of a consumer, for `Consumer.set_qos`."""
        self.running()
        self._carry_out(partial(self.engine.change_prefetch, subscription, prefetch_count))

    def deliver(self, subscription: Subscription, message: Delivery) -> None:
        """Deliver a message to the program, for `Consumer.on_delivery`."""
        self.dispatcher.deliver(subscription.mailbox, message)

    def settle(self, ledger: AckLedger, delivery_tag: int, how: Settlement, multiple: bool) -> bool:
        """Settle a delivery, for `ack`, `nack` and `reject` of a message.

        :returns: whether it counts
        """
        if not ledger.settle(delivery_tag, how, multiple):
            return False
        if not ledger.announced:
            self.call_engine(partial(self._announce, ledger))
        return True

    def retry(self, ledger: AckLedger, delivery_tag: int, publication: Publication) -> bool:
        """Publish the copy of a delivery, then acknowledge it, for `ReceivedMessage.retry`.

        :returns: whether it counts
        """
        if not ledger.begin_retry(delivery_tag):
            return False
        copied = publication.promise = self.own_future(
            partial(self._end_retry, ledger, delivery_tag)
        )
        try:
            self.running()
            self._carry_out(partial(self.engine.window.publish, publication), copied)
        except ConnectionDead:
            ledger.end_retry(delivery_tag)
            return False
        return True

    def _end_retry(self, ledger: AckLedger, delivery_tag: int, copied: FutureT) -> None:
        self.call_engine(partial(self._end_retry_now, ledger, delivery_tag, copied.exception()))

    def _end_retry_now(
        self, ledger: AckLedger, delivery_tag: int, error: BaseException | None
    ) -> None:
        self.engine.advance(self.clock())
        self.engine.end_retry(ledger, delivery_tag, error)
        if self.driver is not None:
            self.driver.notify()

    def _announce(self, ledger: AckLedger) -> None:
        self.engine.announce(ledger)
        if self.driver is not None:
            self.driver.notify()

    # Iterations

    def begin_iteration(self, consumer: Consumer, inbox: ClosableInbox) -> None:
        """Remember the inbox of an iteration, to close it at the end."""
        self._iterations[subscription_of(consumer).mailbox] = inbox

    def traced_receive(self, consumer: Consumer) -> AbstractContextManager[CallSpan | None]:
        """Start the span of a step of an iteration, see `traced`."""
        return self.traced(
            'receive', consumer.queue, consumer.span, consumer.dont_trace, kind='consumer'
        )

    def step(self, consumer: Consumer) -> None:
        """Record who iterates. Until the loop ends, a cancellation waits for it."""
        subscription_of(consumer).mailbox.iterator = self.current()

    def end_iteration(self, consumer: Consumer, inbox: ClosableInbox) -> Any:
        """Cancel the consumer of an iteration, and requeue its messages.

        :returns: the future of the cancellation; None in the copy of a child process
        """
        if self.forked:  # Threads that do not exist here may have held the locks.
            return None
        mailbox = subscription_of(consumer).mailbox
        self._iterations.pop(mailbox, None)
        mailbox.iterator = None
        future = consumer.cancel()
        self._discard(inbox)
        return future

    def count_out(self, event: Event) -> Event:
        """Count out an event that a program has taken from an inbox."""
        if isinstance(event, MessageReceived):
            self.dispatcher.release(event)
        return event

    def close_inboxes(self) -> None:
        """End all waiting for events."""
        for inbox in (self._common_inbox, *tuple(self._iterations.values())):
            inbox.close()

    # Reports

    def report(self, reports: Reports) -> None:
        """Pass reports on to the log, hooks and the inbox. The caller does not hold the lock."""
        for report in reports:
            guarded(self.reporter.report, report)

    def on_reported(self, reports: Reports) -> None:
        """Record the result of the start, and wake waiting threads or tasks."""
        for report in reports:
            if isinstance(report, AllNodesRefused):
                self._refusals = report.causes
            elif isinstance(report, TopologyRestored):
                self._refusals = []
        self.on_state_change()


def is_coroutine_function(function: object) -> bool:
    """Whether a function or a callable object is a coroutine function."""
    return iscoroutinefunction(function) or iscoroutinefunction(type(function).__call__)
