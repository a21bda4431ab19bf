"""The engine: keeps one Cluster connected, and everything on it restored.

The driver tells it what is called, what is received and what time it is. It says which transport
it wishes for (`link`), what is to be sent (`out` of its connection), what is to be told
(`effects`) and when it wants to be woken. All under the driver's lock; nothing here waits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any, Final

from coolamqp.attaches.channeler import Channeler
from coolamqp.attaches.consumer import Consumer
from coolamqp.attaches.effects import Effects, Face, Promise
from coolamqp.attaches.getter import Fetch
from coolamqp.attaches.operation import Operation
from coolamqp.attaches.publication import Publication
from coolamqp.attaches.requester import Request
from coolamqp.attaches.timers import Timers
from coolamqp.attaches.transactor import Commit
from coolamqp.exceptions import AMQPError, ConnectionDead, CoolAMQPError, TLSRefused
from coolamqp.framing.field_table import Arguments
from coolamqp.framing.method import Method
from coolamqp.objects import NodeDefinition
from coolamqp.reply_codes import ACCESS_REFUSED, NOT_ALLOWED
from coolamqp.supervisor.back_off import BackOff
from coolamqp.supervisor.link import Link
from coolamqp.supervisor.notices import (
    Blocked,
    Connected,
    ConnectFailed,
    Disconnected,
    NoWayIn,
    Restored,
    Stopped,
)
from coolamqp.supervisor.recovery import Recovery
from coolamqp.supervisor.registry import Registry
from coolamqp.supervisor.states import ENDING, TRANSITIONS, UP, EngineState
from coolamqp.supervisor.topology import Topology
from coolamqp.tracing import BaseFrameTracer
from coolamqp.uplink.connection import Connection, ConnectionObserver

# How long a transport may take to come up unless the node says otherwise, in seconds.
CONNECT_TIMEOUT: Final = 10.0
# How long a shutdown waits for what was promised: confirms, declarations, cancellations; seconds.
DRAIN_TIMEOUT: Final = 10.0
# How long restoring may hold up publishing, in seconds.
RESTORE_TIMEOUT: Final = 30.0
# A connection that lasted so long, in seconds, was a good one: back-off begins anew after it.
STABLE: Final = 2.0
# How long to wait at least before a login that was refused is tried again, in seconds.
REFUSED_DELAY: Final = 5.0


class Engine(ConnectionObserver):
    """Everything that decides anything in a Cluster.

    :param nodes: brokers to connect to, in the order of preference
    :param client_properties: what to say of ourselves
    :param face: whom consumers and messages ask to act
    :param tracer: who sees the frames, if anybody
    :param random: gives numbers from 0 to 1, for back-off
    :ivar link: the transport that is wished for, None for none
    :ivar effects: what the driver is to carry out
    :ivar publisher: holds what is not confirmed
    :ivar topology: what is declared again after each reconnect
    """

    def __init__(
        self,
        nodes: list[NodeDefinition],
        client_properties: Arguments,
        face: Face,
        tracer: BaseFrameTracer | None,
        random: Callable[[], float],
        now: float,
    ) -> None:
        self.link: Link | None = None
        self.effects = Effects()
        self.topology = Topology()
        self.state = EngineState.IDLE
        self.blocked = False
        self._nodes = nodes
        self._node = 0
        self._tries = 0  # that have failed since there was a connection
        self._failures: dict[NodeDefinition, Exception] = {}  # the latest of each node
        self._client_properties = client_properties
        self._tracer = tracer
        self._timers = Timers(now)
        self._back_off = BackOff(random)
        self._registry = Registry(face, self.effects, self._timers)
        self.publisher = self._registry.publisher
        self._recovery: Recovery | None = None
        self._deadline = inf  # of the present state
        self._up_since = now

    # What programs ask for

    def start(self, now: float) -> None:
        """Begin to connect."""
        self._timers.advance(now)
        self._move('start')
        self._try_node()

    def stop(self, now: float) -> None:
        """Fulfil what was promised, in bounded time, and close; `Stopped` comes at the end."""
        self._timers.advance(now)
        if (self.state, 'stop') not in TRANSITIONS:
            return
        self._move('stop')
        if self.state is EngineState.STOPPED:
            self._drop_transport()
            self._finish()
            return
        self._deadline = now + DRAIN_TIMEOUT
        self.publisher.release()
        for consumer in list(self._registry.consumers):
            consumer.begin_cancel(None)
        self._check_drained()

    def abort(self) -> None:
        """End at once, whatever the state: the driver can do no more."""
        if self.state is not EngineState.STOPPED:
            self._drop_transport()
            self.state = EngineState.STOPPED
            self._finish()

    @property
    def takes_commands(self) -> bool:
        """Whether it is not at its end; it may not have begun."""
        return self.state is UP or self.state not in ENDING

    @property
    def owes_answers(self) -> bool:
        """Whether somebody may wait for what is still to be received."""
        return self._registry.busy

    def publish(self, publication: Publication) -> None:
        """Publish with a confirm; the publication's promise ends with it."""
        self.publisher.publish(publication)

    def withdraw(self, publication: Publication) -> bool:
        """Take a publication back; False if it has been sent."""
        withdrawn = self.publisher.withdraw(publication)
        self._check_drained()
        return withdrawn

    def publish_plain(self, publication: Publication) -> bool:
        """Publish without a confirm; False if it was dropped for lack of a connection."""
        return self.state is UP and self._registry.plain_publisher.publish(publication)

    def call(
        self,
        methods: list[Method],
        promise: Promise,
        remember: Callable[[], None] | None = None,
        result: Callable[[Method], Any] | None = None,
        *,
        repeatable: bool = True,
    ) -> None:
        """Have methods carried out on the declarer's channel.

        :param remember: called when they have been, before the promise ends
        :param result: makes the promise's value of the last answer
        :param repeatable: whether to do it again if the answer is lost with the connection
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

    def consume(self, consumer: Consumer, promise: Promise | None = None) -> None:
        """Take up a consumer, now or when there is a connection.

        :param promise: ended when it consumes or cannot, if it has none of its own
        :raises ValueError: it was added before, here or elsewhere
        """
        self._registry.add_consumer(consumer)
        if consumer.future_to_notify is None:
            consumer.future_to_notify = promise
        if consumer.cancelled:
            consumer.fail(CoolAMQPError('it was cancelled before it was added'))
        elif self._registry.connection is not None:
            consumer.attach(self._registry.connection)

    def fetch(self, queue: bytes, fetch: Fetch) -> None:
        """Fetch one message from a queue."""
        self._registry.getter(queue).submit(fetch)

    def request(self, request: Request) -> None:
        """Send a request, and have its reply."""
        self._registry.requester.submit(request)

    def commit(self, commit: Commit) -> None:
        """Publish messages together."""
        self._registry.transactor.submit(commit)

    # What the transport says

    @property
    def _connection(self) -> Connection | None:
        return None if self.link is None else self.link.connection

    @property
    def connection(self) -> Connection | None:
        """The present connection, if its transport is up."""
        return self._connection

    def transport_up(self, link: Link, now: float) -> None:
        """Begin to speak over the transport that was wished for."""
        if link is not self.link:
            return
        self._timers.advance(now)
        self._move('transport up')
        self._deadline = inf
        link.connection = Connection(link.node, self._client_properties, self, self._tracer, now)

    def transport_failed(self, link: Link, cause: Exception, now: float) -> None:
        """Note that the transport could not be had, or is lost."""
        if link is not self.link:
            return
        self._timers.advance(now)
        if link.connection is None:
            self._failed(cause)
        else:
            link.connection.lost(cause)

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes that the transport has received."""
        self._timers.advance(now)
        connection = self._connection
        if connection is not None:
            connection.receive(data, now)
            self._check_drained()

    def take_effects(self) -> Effects:
        """Give what is to be carried out, and begin to collect anew."""
        return self.effects.take()

    def flush(self) -> None:
        """Have everything that may be sent in the connection's `out`; call it before sending."""
        self._registry.flush()

    def tick(self, now: float) -> None:
        """Note that time has passed."""
        self._timers.advance(now)
        if now >= self._deadline:
            self._on_deadline()
        connection = self._connection
        if connection is not None:
            connection.tick(now)
        self._check_drained()

    def wake_at(self) -> float:
        """Give the time at which `tick` must be called at the latest."""
        connection = self._connection
        wake_at = min(self._deadline, self._timers.wake_at())
        return wake_at if connection is None else min(wake_at, connection.wake_at())

    def _on_deadline(self) -> None:
        self._deadline = inf
        if self.state is EngineState.CONNECTING and self.link is not None:
            timeout = _connect_timeout(self.link.node)
            waits_for = self.link.waits_for
            self._failed(ConnectionDead(f'no connection within {timeout:g} s: no {waits_for}'))
        elif self.state is EngineState.RESTORING:
            self.effects.log('not everything could be restored in time; going on without')
            if self._recovery is not None:
                self._recovery.go_on()
            self._on_restored()
        elif self.state is EngineState.DRAINING:
            self._close()

    # What the connection says

    def on_open(self) -> None:
        """Put everything back in place."""
        link, connection = self.link, self._connection
        if link is None or connection is None or connection.properties is None:
            return
        self._move('open')
        self._deadline = self._timers.now + RESTORE_TIMEOUT
        self.blocked = False
        self.effects.notice(Connected(link.node, connection.properties))
        self._recovery = Recovery(connection, self._attaches, self._on_restored)
        self._recovery.begin(self._registry.declarer, self.topology, self.effects)

    def _attaches(self) -> list[Channeler]:
        """Give who is to be restored; who is made from now on begins at once."""
        self._registry.connection = self._connection
        self._registry.drop_cancelled()
        return self._registry.restorable()

    def _on_restored(self) -> None:
        if self.state is not EngineState.RESTORING or self.link is None:
            return
        self._move('restored')
        self._tries = 0
        self._failures.clear()
        self._deadline = inf
        self._up_since = self._timers.now
        self.effects.notice(Restored(self.link.node))
        self.publisher.release()

    def on_closed(self, cause: Exception | None) -> None:
        """Note that the connection has ended."""
        if self.state is EngineState.CLOSING:
            self._move('closed')
            self._drop_transport()
            self._finish()
        else:
            self._failed(cause or ConnectionDead('the connection was closed'))

    def on_blocked(self, blocked: bool, reason: str) -> None:
        """Pass on whether the broker takes what is published."""
        self.blocked = blocked
        self.effects.notice(Blocked(blocked, reason))

    # Failing, and trying again

    def _failed(self, cause: Exception) -> None:
        link = self.link
        if link is None:
            return
        was_up = self.state in (EngineState.UP, EngineState.RESTORING)
        if self.state is EngineState.UP and self._timers.now >= self._up_since + STABLE:
            self._back_off.reset()
        self._drop_transport(cause)
        self._move('failed')
        if self.state is EngineState.STOPPED:
            self._finish()
            return
        if was_up:
            self.effects.notice(Disconnected(link.node, cause))
        else:
            self._tries += 1
            self._failures[link.node] = cause
        self._node = (self._node + 1) % len(self._nodes)
        delay = self._delay(cause, was_up)
        if not was_up:
            self.effects.notice(ConnectFailed(link.node, cause, delay))
            self._check_way_in()
        self._timers.after(delay, self._try_again)

    def _delay(self, cause: Exception, was_up: bool) -> float:
        """Choose how long to wait: not at all within a round of the nodes."""
        if not was_up and self._tries % len(self._nodes):
            return 0.0
        delay = self._back_off.next_delay(self._timers.now)
        return delay + REFUSED_DELAY if _is_lasting(cause) else delay

    def _check_way_in(self) -> None:
        """Notice when the whole first round was refused for good."""
        if self._tries == len(self._nodes) and all(map(_is_lasting, self._failures.values())):
            self.effects.notice(NoWayIn(self.failures))

    @property
    def failures(self) -> list[tuple[NodeDefinition, Exception]]:
        """Why each node could not be had, the latest try of each."""
        return list(self._failures.items())

    def _try_again(self) -> None:
        if self.state is EngineState.WAITING:
            self._move('try again')
            self._try_node()

    def _try_node(self) -> None:
        node = self._nodes[self._node]
        self._deadline = self._timers.now + _connect_timeout(node)
        self.link = Link(node, self._deadline)

    def _drop_transport(self, cause: Exception | None = None) -> None:
        self.link = None
        self._deadline = inf
        self._registry.detach(cause)
        recovery, self._recovery = self._recovery, None
        if recovery is not None:
            recovery.abandon(self._registry.declarer)
        if self.blocked:
            self.on_blocked(False, '')

    # Stopping

    def _check_drained(self) -> None:
        if (
            self.state is EngineState.DRAINING
            and not self._registry.busy
            and all(consumer.cancelled for consumer in self._registry.consumers)
        ):
            self._close()

    def _close(self) -> None:
        self._move('drained')
        self._registry.flush()
        connection = self._connection
        if connection is not None:
            connection.close(self._timers.now)

    def _finish(self) -> None:
        """End everything that is left, so that nobody waits for ever."""
        self._registry.fail_all(ConnectionDead('the cluster was shut down'))
        self._timers.clear()
        self.effects.notice(Stopped())

    def _move(self, event: str) -> None:
        self.state = TRANSITIONS[self.state, event]


def _connect_timeout(node: NodeDefinition) -> float:
    return node.connection_timeout or CONNECT_TIMEOUT


def _is_lasting(cause: Any) -> bool:
    """Whether trying again soon will not help: login, virtual host or TLS were refused."""
    if isinstance(cause, AMQPError):
        return cause.reply_code in (ACCESS_REFUSED, NOT_ALLOWED)
    return isinstance(cause, TLSRefused)
