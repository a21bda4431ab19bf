"""The engine: it keeps one Cluster connected, and restores its topology and consumers.

The driver passes commands, received bytes and the time to it. The engine tells the driver which
transport to make (`link`), whether to read (`wants_read`), which work to carry out (`take_effects`)
and when to call it again (`wake_at`). All calls need the engine lock, and none of them waits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from logging import DEBUG
from math import inf
from typing import Any, Final

from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.consumer_options import STOP_TIMEOUT
from coolamqp.attaches.effects import Effects
from coolamqp.attaches.events import (
    AllNodesRefused,
    ClusterStopped,
    ConnectionBlocked,
    ConnectionEstablished,
    ConnectionFailed,
    ConnectionLost,
    ConnectionUnblocked,
    TopologyRestored,
)
from coolamqp.attaches.getter import Fetch
from coolamqp.attaches.mailbox import Mailbox
from coolamqp.attaches.operation import Operation
from coolamqp.attaches.promise import Promise
from coolamqp.attaches.publication import Publication
from coolamqp.attaches.publisher import NACK_TIMEOUT
from coolamqp.attaches.requester import Request
from coolamqp.attaches.subscription import ConsumerOwner, Subscription
from coolamqp.attaches.transactor import Commit
from coolamqp.exceptions import ConnectionDead, CoolAMQPError, TooFewChannels
from coolamqp.framing.field_table import Arguments
from coolamqp.framing.method import Method
from coolamqp.log_events import LogEvent
from coolamqp.objects import NodeDefinition, ServerProperties
from coolamqp.supervisor.link import Link
from coolamqp.supervisor.mailboxes import Mailboxes
from coolamqp.supervisor.nodes import NodeChoice
from coolamqp.supervisor.recovery import Recovery
from coolamqp.supervisor.registry import CHANNELS_MIN, Registry
from coolamqp.supervisor.retrying import end_retry
from coolamqp.supervisor.states import ENDING, TRANSITIONS, UP, EngineState
from coolamqp.supervisor.stats import ConnectionHistory, Stats, take_stats
from coolamqp.supervisor.topology import Topology
from coolamqp.supervisor.watermarks import ReadWatermarks
from coolamqp.supervisor.window import MAX_UNCONFIRMED, MAX_UNCONFIRMED_BYTES, PublishWindow
from coolamqp.timers import Timers
from coolamqp.tracing import BaseFrameTracer
from coolamqp.uplink.connection import (
    CLOSE_TIMEOUT,
    HANDSHAKE_TIMEOUT,
    Connection,
    ConnectionObserver,
)
from coolamqp.uplink.states import ConnectionState
from coolamqp.uplink.tuning import Limits

# The time for a transport to come up, in seconds, unless the node has its own limit.
CONNECT_TIMEOUT: Final = 10.0
# A shutdown leaves up to this part of its timeout for the close of the connection.
CLOSE_FRACTION: Final = 0.2
# The time that publishers wait for recovery, in seconds.
RESTORE_TIMEOUT: Final = 30.0


class Engine(ConnectionObserver):
    """The engine of one Cluster. It makes all decisions of the Cluster.

    :param nodes: the nodes to connect to, the preferred one first
    :param client_properties: the client properties for `connection.start-ok`
    :param owner: the Cluster, for the calls of consumers and messages
    :param tracer: the frame tracer; None for none
    :param random: returns numbers from 0 to 1, for the back-off
    :param now: the time, in seconds on the driver's clock
    :param max_unconfirmed: the largest number of unconfirmed messages
    :param max_unconfirmed_bytes: the largest size of all unconfirmed messages together, in bytes
    :param nack_timeout: the time to resend a message that the broker refuses, in seconds
    :ivar link: the link that the driver must have a transport for; None for none
    :ivar wants_read: whether the driver must read from the transport
    :ivar effects: the work for the driver
    :ivar window: the publish window
    :ivar mailboxes: the mailboxes of the Cluster
    :ivar topology: the persistent declarations
    """

    def __init__(
        self,
        nodes: list[NodeDefinition],
        client_properties: Arguments,
        owner: ConsumerOwner,
        tracer: BaseFrameTracer | None,
        random: Callable[[], float],
        now: float,
        max_unconfirmed: int = MAX_UNCONFIRMED,
        max_unconfirmed_bytes: int = MAX_UNCONFIRMED_BYTES,
        nack_timeout: float = NACK_TIMEOUT,
    ) -> None:
        self.link: Link | None = None
        self.wants_read = True
        self.effects = Effects()
        self._watermarks = ReadWatermarks()
        self.mailboxes = Mailboxes(self._watermarks)
        self.topology = Topology()
        self.state = EngineState.IDLE
        self._history = ConnectionHistory()
        self._nodes = NodeChoice(nodes, random)
        self._client_properties = client_properties
        self._owner = owner
        self._tracer = tracer
        self._timers = Timers(now)
        self._registry = Registry(owner, self.topology, self.effects, self._timers, nack_timeout)
        self._publisher = self._registry.publisher
        self.window = PublishWindow(
            self._publisher,
            self._registry.plain_publisher,
            self.effects,
            self._timers,
            max_unconfirmed,
            max_unconfirmed_bytes,
        )
        self._recovery: Recovery | None = None
        self._deadline = inf  # of the current state
        self._stopped_by = inf  # the latest time for the end of the shutdown
        self._cancelled: list[Subscription] = []  # whose callbacks may still run

    # State

    @property
    def takes_commands(self) -> bool:
        """Whether the engine accepts commands: it has not begun to stop."""
        return self.state is UP or self.state not in ENDING

    @property
    def owes_answers(self) -> bool:
        """Whether a program may wait for an answer of the broker."""
        return self._registry.busy

    @property
    def node(self) -> NodeDefinition | None:
        """The node that the engine is connected to, or connects to; None during a pause."""
        return None if self.link is None else self.link.node

    @property
    def properties(self) -> ServerProperties | None:
        """The server properties of the broker; None without a connection."""
        connection = self._connection
        return None if connection is None else connection.properties

    @property
    def limits(self) -> Limits | None:
        """The limits of the connection; None without an open connection."""
        connection = self._connection
        if connection is None or connection.state is not ConnectionState.OPEN:
            return None
        return connection.limits

    @property
    def failures(self) -> list[tuple[NodeDefinition, Exception]]:
        """The latest error of each node that CoolAMQP could not connect to."""
        return self._nodes.failures

    def stats(self, now: float) -> Stats:
        """Return the statistics. This changes nothing."""
        return take_stats(
            now,
            self.state,
            self.wants_read,
            self._connection,
            self._history,
            self._registry,
            self.window,
            self.mailboxes,
        )

    def mark_time(self, now: float) -> None:
        """Record the time for the age of unconfirmed messages. `tick` does so, too."""
        self._publisher.mark_time(now)

    # Commands

    def start(self, now: float) -> None:
        """Start to connect."""
        self._timers.advance(now)
        self._move('start')
        self._try_node()

    def stop(
        self, now: float, timeout: float | None = STOP_TIMEOUT, caller: Mailbox | None = None
    ) -> list[Subscription]:
        """Cancel all consumers, finish pending work, then close. `ClusterStopped` reports the end.

        Until the running callbacks have ended, the engine accepts commands, because callbacks
        publish. A later call may only shorten the time.

        :param timeout: the time for all this, in seconds; None for no limit
        :param caller: the mailbox whose callback waits for the end; None for none
        :returns: the consumers whose callbacks may still run
        """
        self._timers.advance(now)
        if caller is not None:
            caller.stopping_callbacks += 1
        if timeout is not None:
            self._stopped_by = min(self._stopped_by, now + timeout)
        if (self.state, 'stop') in TRANSITIONS:
            self._begin_stop()
        if timeout is not None and self.state in (EngineState.CANCELLING, EngineState.DRAINING):
            close_time = min(CLOSE_TIMEOUT, timeout * CLOSE_FRACTION)
            self._deadline = min(self._deadline, now + timeout - close_time)
        self._check_drained()
        return list(self._cancelled)

    def _begin_stop(self) -> None:
        self._move('stop')
        self._deadline = inf
        if self.state is EngineState.STOPPED:
            self._drop_link()
            self._finish()
            return
        self._publisher.release()
        self._registry.drop_cancelled()
        self._cancelled = list(self._registry.subscriptions)
        for subscription in self._cancelled:
            subscription.begin_cancel(None)

    def abort(self) -> None:
        """Stop at once, in any state: the driver has ended."""
        if self.state is not EngineState.STOPPED:
            self._drop_link()
            self.state = EngineState.STOPPED
            self._finish()

    def abandon(self) -> None:
        """Stop without effects and without a close: the connection belongs to another process."""
        self.state = EngineState.STOPPED

    def withdraw(self, publication: Publication) -> bool:
        """Withdraw a publication. Return False if it was sent."""
        withdrawn = self.window.withdraw(publication)
        self._check_drained()
        return withdrawn

    def call(
        self,
        methods: list[Method],
        promise: Promise,
        remember: Callable[[], None] | None = None,
        result: Callable[[Method], Any] | None = None,
        *,
        repeatable: bool = True,
    ) -> None:
        """Call methods on the channel of the declarer.

        :param remember: called after the last answer, before the promise ends
        :param result: returns the value of the promise for the last answer; without it, the value
            is None
        :param repeatable: whether to resend the methods if the connection is lost before the answer
        """
        on_done = partial(self._on_called, promise, remember, result)
        self._registry.declarer.submit(Operation(methods, on_done, repeatable))

    def _on_called(
        self,
        promise: Promise,
        remember: Callable[[], None] | None,
        result: Callable[[Method], Any] | None,
        error: Exception | None,
        answer: Method | None,
    ) -> None:
        if error is not None:
            self.effects.fail(promise, error)
            return
        if remember is not None:
            remember()
        value = None if result is None or answer is None else result(answer)
        self.effects.succeed(promise, value)

    def consume(self, subscription: Subscription, promise: Promise | None = None) -> None:
        """Start a consumer, now or on the next connection.

        :param promise: the promise to end when consuming begins or fails; not used if the
            subscription has one already
        :raises ValueError: the consumer belongs to this or another Cluster already
        """
        self._registry.add(subscription)
        if subscription.promise is None:
            subscription.promise = promise
        if subscription.cancelled:
            subscription.fail(CoolAMQPError('the consumer was cancelled before it was added'))
        elif self.state is EngineState.CANCELLING:
            subscription.fail(_shut_down())
        elif self._registry.connection is not None:
            subscription.attach(self._registry.connection)

    def cancel(
        self,
        subscription: Subscription,
        promise: Promise,
        timeout: float | None = STOP_TIMEOUT,
        by_callback: bool = False,
    ) -> None:
        """Cancel a consumer; see `Subscription.begin_cancel`."""
        if self.state is EngineState.STOPPED:
            self.effects.succeed(promise)
        else:
            if not subscription.mailbox.ending:
                self._cancelled.append(subscription)
            subscription.begin_cancel(promise, timeout, by_callback)

    def change_prefetch(self, subscription: Subscription, prefetch_count: int) -> None:
        """Change the prefetch count of a consumer."""
        subscription.change_prefetch(prefetch_count)

    def announce(self, ledger: AckLedger) -> None:
        """Request a flush of a ledger; the next `Link.data_to_send` carries it out."""
        ledger.announce()

    def end_retry(self, ledger: AckLedger, delivery_tag: int, error: BaseException | None) -> None:
        """Settle a delivery whose copy for the next attempt is confirmed, or has failed."""
        end_retry(ledger, delivery_tag, error, self.effects, self._timers)

    def fetch(self, queue: bytes, fetch: Fetch) -> None:
        """Fetch one message from a queue."""
        self._registry.getter(queue).submit(fetch)

    def request(self, request: Request) -> None:
        """Send a request; its promise ends with the reply."""
        self._registry.requester.submit(request)

    def commit(self, commit: Commit) -> None:
        """Commit a transaction."""
        self._registry.transactor.submit(commit)

    # The transport

    @property
    def _connection(self) -> Connection | None:
        return None if self.link is None else self.link.connection

    def link_up(self, link: Link, now: float) -> None:
        """Start the AMQP connection: the transport of a link is up."""
        if link is not self.link:
            return
        self._timers.advance(now)
        self._move('transport up')
        link.deadline = inf
        self.wants_read = True
        handshake_timeout = link.addresses.share(HANDSHAKE_TIMEOUT)
        link.connection = Connection(
            link.node, self._client_properties, self, self._tracer, now, handshake_timeout
        )

    def link_failed(self, link: Link, cause: Exception, now: float) -> None:
        """Handle the failure or the loss of the transport of a link."""
        if link is not self.link:
            return
        self._timers.advance(now)
        if link.connection is None:
            self._failed(cause)
        else:
            link.connection.lost(cause)

    def receive(self, link: Link, data: bytes, now: float) -> None:
        """Process received bytes."""
        if link is not self.link:
            return
        self._timers.advance(now)
        connection = link.connection
        if connection is not None:
            connection.receive(data, now)
            self._check_drained()

    def take_effects(self) -> Effects:
        """Return all effects, and start a new collection."""
        return self.effects.take()

    def advance(self, now: float) -> None:
        """Set the time, before a command that depends on it, such as one with a timeout."""
        self._timers.advance(now)

    def tick(self, now: float) -> None:
        """Set the time, and make all decisions that depend on the time or on finished callbacks."""
        self._timers.advance(now)
        self._publisher.mark_time(now)
        if self.link is not None and now >= self.link.deadline:
            self._failed(self.link.too_late())
        if now >= self._deadline:
            self._on_deadline()
        connection = self._connection
        if connection is not None:
            connection.tick(now)
            self._review_reading(connection, now)
        if self._cancelled:
            self._review_cancelled()
        self._check_drained()
        self.window.admit_waiting()

    def _flush(self) -> None:
        """Fill the send buffer of the connection."""
        self.window.admit_waiting()
        self._registry.flush()

    def _review_reading(self, connection: Connection, now: float) -> None:
        """Decide whether to read from the broker. Heartbeats count silence only while it reads."""
        wanted = self.state is not UP or self._watermarks.should_read(
            self.wants_read, lambda: self._registry.busy
        )
        if wanted is not self.wants_read:
            if wanted:
                self.effects.log(LogEvent.READING_RESUMED, 'CoolAMQP reads again', DEBUG)
            else:
                what = 'CoolAMQP stops reading: the callbacks are too slow'
                self.effects.log(LogEvent.READING_PAUSED, what, DEBUG)
            self.wants_read = wanted
            connection.set_reading(wanted, now)

    def wake_at(self) -> float:
        """Return the latest time for the next `tick`; inf if none is needed."""
        wake_at = min(self._deadline, self._timers.wake_at())
        if self.link is not None:
            wake_at = min(wake_at, self.link.wake_at())
        return wake_at

    def _on_deadline(self) -> None:
        self._deadline = inf
        if self.state is EngineState.RESTORING:
            self.effects.log(
                LogEvent.RESTORE_TIMED_OUT,
                f'the broker has not restored all declarations and consumers within '
                f'{RESTORE_TIMEOUT:g} s; CoolAMQP publishes without them',
            )
            if self._recovery is not None:
                self._recovery.go_on()
            self._begin_publishing()
        elif self.state in (EngineState.CANCELLING, EngineState.DRAINING):
            self._close('timed out')
        elif self.state is EngineState.CLOSING:
            self.on_closed(None)

    # The connection

    def on_open(self) -> None:
        """Start the recovery: the connection is open."""
        link, connection = self.link, self._connection
        if link is None or connection is None or connection.properties is None:
            return
        allowed = connection.limits.channel_max
        if allowed < CHANNELS_MIN:
            connection.close(self._timers.now)
            self._failed(TooFewChannels(allowed, CHANNELS_MIN))
            return
        self._move('open')
        self._registry.suspects.on_open()
        self._deadline = self._timers.now + RESTORE_TIMEOUT
        self._history.on_open()
        self.effects.report(ConnectionEstablished(link.node, connection.properties))
        self._recovery = Recovery(
            connection,
            self._registry,
            self.topology,
            self.effects,
            self._timers,
            self._registry.plain_publisher.release,
            self._on_restored,
        )
        self._recovery.begin()

    def _on_restored(self) -> None:
        if self.state is EngineState.RESTORING:
            self._begin_publishing()
        if self.state is UP and self.link is not None:
            self.effects.report(TopologyRestored(self.link.node))

    def _begin_publishing(self) -> None:
        self._move('restored')
        self._nodes.on_restored(self._timers.now)
        self._deadline = inf
        self._publisher.release()
        self._registry.plain_publisher.release()

    def on_closed(self, cause: Exception | None) -> None:
        """Handle the end of the connection: finish after a stop, otherwise reconnect."""
        if self.state is EngineState.CLOSING:
            self._move('closed')
            self._drop_link()
            self._finish()
        else:
            self._failed(cause or ConnectionDead('the broker has closed the connection'))

    def on_blocked(self, blocked: bool, reason: str) -> None:
        """Report that the broker blocks the connection, or does not block it any more."""
        self._history.on_blocked(blocked, self._timers.now)
        self.effects.report(ConnectionBlocked(reason) if blocked else ConnectionUnblocked())

    def on_ignored(self, what: str) -> None:
        """Log something that the broker should not have sent."""
        self.effects.log(LogEvent.UNEXPECTED_IGNORED, f'CoolAMQP has ignored {what}')

    # Failures and reconnecting

    def _failed(self, cause: Exception) -> None:
        link = self.link
        if link is None:
            return
        connection = link.connection
        was_up = self.state in (EngineState.UP, EngineState.RESTORING)
        self._drop_link(cause)
        self._move('failed')
        if self.state is EngineState.STOPPED:
            self._finish()
            return
        if was_up:
            self._registry.suspects.conclude(cause)
            delay = self._nodes.on_lost(cause, self._timers.now)
            self._history.on_lost(cause, connection is not None and connection.peer_silent)
            self.effects.report(ConnectionLost(link.node, cause))
        else:
            delay = self._nodes.on_failed(cause, self._timers.now)
            self._history.failed_connects += 1
            self.effects.report(ConnectionFailed(link.node, cause, delay))
            if self._nodes.all_refused:
                self.effects.report(AllNodesRefused(self.failures))
        self._timers.after(delay, self._try_again)

    def _try_again(self) -> None:
        if self.state is EngineState.WAITING:
            self._move('try again')
            self._try_node()

    def _try_node(self) -> None:
        node = self._nodes.current
        timeout = node.connection_timeout or CONNECT_TIMEOUT
        self.wants_read = True
        self.link = Link(node, self._nodes.addresses, self._timers.now, timeout, self._flush)

    def _drop_link(self, cause: Exception | None = None) -> None:
        link, self.link = self.link, None
        if link is not None:
            link.end(self._timers.now, self._stopped_by)
            if link.connection is not None:
                self._history.heartbeats_missed += link.connection.heartbeats_missed
        self._deadline = inf
        self._registry.detach(cause)
        recovery, self._recovery = self._recovery, None
        if recovery is not None:
            recovery.abandon()
        if self._history.blocked:
            self.on_blocked(False, '')

    # Stopping

    def _review_cancelled(self) -> None:
        """Close the channels of cancelled consumers whose callbacks have ended."""
        for subscription in self._cancelled:
            subscription.review_cancel()
        self._cancelled = [each for each in self._cancelled if not each.cancelled]

    def _check_drained(self) -> None:
        if self.state is EngineState.CANCELLING and all(
            subscription.cancelled for subscription in self._cancelled
        ):
            self._move('cancelled')
            self.window.end_waiting(_shut_down())
        if self.state is EngineState.DRAINING and not self._registry.busy:
            self._close('drained')

    def _close(self, event: str) -> None:
        self._move(event)
        self._deadline = self._stopped_by
        self._registry.flush()
        connection = self._connection
        if connection is not None:
            connection.close(self._timers.now)

    def _finish(self) -> None:
        """Fail everything that is pending, so that no program waits for ever."""
        error = _shut_down()
        self._cancelled.clear()
        self.window.fail_waiting(error)
        self._registry.fail_all(error)
        self._timers.clear()
        self.effects.report(ClusterStopped())

    def _move(self, event: str) -> None:
        self.state = TRANSITIONS[self.state, event]


def _shut_down() -> ConnectionDead:
    return ConnectionDead('the cluster was shut down')
