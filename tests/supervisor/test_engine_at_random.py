"""The engine against a broker that does anything at any time: nothing hangs and nothing is lost."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from coolamqp.attaches.consumer import Consumer, subscription_of
from coolamqp.attaches.consumer_options import STOP_TIMEOUT
from coolamqp.attaches.events import ClusterStopped
from coolamqp.attaches.operation import declare
from coolamqp.framing.definitions import (
    BasicAck,
    BasicCancel,
    BasicNack,
    BasicPublish,
    ConfirmSelect,
    ConnectionBlocked,
    ConnectionClose,
    ConnectionOpenOk,
    ConnectionTune,
    ConnectionUnblocked,
    QueueDeclare,
)
from coolamqp.framing.method import Method
from coolamqp.framing.text import text_bytes
from coolamqp.objects import NodeDefinition, Queue
from coolamqp.supervisor.states import EngineState
from coolamqp.uplink.states import ConnectionState
from tests.support.ending import Ending
from tests.support.rig import LinkWire, Rig
from tests.support.scripted_broker import ScriptedBroker, start

NODES = [NodeDefinition(name, 'guest', 'secret') for name in ('one', 'two')]


class EngineMachine(RuleBasedStateMachine):
    """Programs, brokers, networks and time, each doing what it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(NODES)
        self.broker: ScriptedBroker | None = None
        self.brokers: list[ScriptedBroker] = []
        self.messages: dict[bytes, Ending] = {}
        self.consumers: list[Consumer] = []
        self.promises: list[Ending] = []
        self.confirmed: set[bytes] = set()
        self.nacked: set[bytes] = set()

    @property
    def running(self) -> bool:
        """Whether programs may still ask for something."""
        return self.rig.engine.state is not EngineState.STOPPED

    @property
    def online(self) -> ScriptedBroker | None:
        """The broker at the other end of the present connection."""
        if self.broker is None or self.rig.engine.link is not self.wire.link:
            return None
        return self.broker

    @property
    def wire(self) -> LinkWire:
        """The client's end of the latest connection."""
        assert self.broker is not None
        assert isinstance(self.broker.wire, LinkWire)
        return self.broker.wire

    @property
    def connection_state(self) -> ConnectionState:
        """The state of the latest connection."""
        assert self.wire.link.connection is not None
        return self.wire.link.connection.state

    @initialize(steps=st.sampled_from([0, 3, 3, 3]))
    def begin(self, steps: int) -> None:
        self.rig.engine.start(self.rig.clock.now)
        self.connect_and_serve(steps)

    # Programs

    @precondition(lambda self: self.running)
    @rule(
        count=st.integers(1, 3),
        exchange=st.sampled_from([b'', b'x', b'gone']),
        key=st.sampled_from([b'k', b'l', b'm']),
    )
    def publish_some(self, count: int, exchange: bytes, key: bytes) -> None:
        self.publish(count, exchange, key)

    def publish(self, count: int, exchange: bytes = b'', key: bytes = b'k') -> None:
        """Publish with confirms."""
        for _ in range(count):
            body = b'%06d' % len(self.messages)
            self.messages[body] = self.rig.publish(body, exchange, key=key)

    @precondition(lambda self: self.running)
    @rule(name=st.sampled_from(['a', 'b', 'bad']), persistent=st.booleans())
    def declare(self, name: str, persistent: bool) -> None:
        queue, promise = Queue(name), Ending()
        self.promises.append(promise)
        remember = (lambda: self.rig.engine.topology.remember(queue)) if persistent else None
        self.rig.engine.call(declare(queue), promise, remember)

    @precondition(lambda self: self.running and len(self.consumers) < 6)
    @rule(name=st.sampled_from([None, 'a', 'bad', 'locked']), cancel_on_failure=st.booleans())
    def consume_one(self, name: str | None, cancel_on_failure: bool) -> None:
        self.consume(name, cancel_on_failure=cancel_on_failure)

    def consume(self, name: str | None, *, cancel_on_failure: bool) -> None:
        """Consume a queue."""
        consumer = Consumer(
            Queue(name), None, cancel_on_failure=cancel_on_failure, no_ack=False, qos=5
        )
        self.promises.append(Ending())
        self.rig.add(consumer, self.promises[-1])
        self.consumers.append(consumer)

    @precondition(lambda self: self.consumers)
    @rule(which=st.integers(0, 5))
    def cancel(self, which: int) -> None:
        self.promises.append(self.consumers[which % len(self.consumers)].cancel())

    @precondition(lambda self: self.consumers)
    @rule(which=st.integers(0, 5), running=st.booleans())
    def begin_or_end_a_callback(self, which: int, running: bool) -> None:
        mailbox = subscription_of(self.consumers[which % len(self.consumers)]).mailbox
        mailbox.scheduled = int(running)
        if mailbox.ending:
            self.rig.engine.tick(self.rig.clock.now)
            self.rig.carry_out()

    @precondition(lambda self: self.consumers)
    @rule(which=st.integers(0, 5), qos=st.integers(0, 9))
    def set_qos(self, which: int, qos: int) -> None:
        self.consumers[which % len(self.consumers)].set_qos(qos)

    @rule(ack=st.booleans())
    def settle_messages(self, ack: bool) -> None:
        for message in self.rig.messages():
            message.ack() if ack else message.nack()
        self.rig.callbacks.clear()

    @rule(dice=st.integers(1, 4))
    def stop(self, dice: int) -> None:
        if dice < 4:
            return
        self.rig.engine.stop(self.rig.clock.now)
        self.rig.carry_out()

    # Brokers and networks

    @precondition(lambda self: self.rig.engine.link is not None and self.online is None)
    @rule(steps=st.sampled_from([0, 1, 2, 3, 3, 3, 3]))
    def connect(self, steps: int) -> None:
        self.connect_and_serve(steps)

    def connect_and_serve(self, steps: int) -> None:
        """Connect, go some way through the handshake, and answer what is asked."""
        self.broker = self.rig.connect()
        self.broker.refuses = refuses
        self.brokers.append(self.broker)
        self.shake_hands(steps)
        self.serve()

    @precondition(lambda self: self.online is not None)
    @rule(steps=st.integers(1, 3))
    def go_on_shaking_hands(self, steps: int) -> None:
        self.shake_hands(steps)

    def shake_hands(self, steps: int) -> None:
        replies: dict[ConnectionState, Method] = {
            ConnectionState.AWAITING_START: start(),
            ConnectionState.AWAITING_TUNE: ConnectionTune(2047, 131072, 60),
            ConnectionState.AWAITING_OPEN_OK: ConnectionOpenOk(),
        }
        for _ in range(steps):
            broker = self.online
            if broker is not None and self.connection_state in replies:
                broker.hear()
                broker.send(0, replies[self.connection_state])

    @precondition(lambda self: self.online is not None)
    @rule()
    def answer(self) -> None:
        self.serve()

    def serve(self) -> None:
        """Have the broker answer what it was asked."""
        if self.online is not None:
            self.online.serve()
            self.rig.carry_out()

    @precondition(lambda self: self.working)
    @rule(multiple=st.booleans(), ack=st.booleans(), back=st.integers(0, 3))
    def confirm(self, multiple: bool, ack: bool, back: int) -> None:
        broker = self.online
        assert broker is not None
        if not any(broker.unconfirmed.values()):
            self.publish(3)
            self.serve()
        channels = [key for key, some in broker.unconfirmed.items() if some]
        if not channels or channels[0] in broker.closing:
            return
        channel, unconfirmed = channels[0], broker.unconfirmed[channels[0]]
        tag = max(max(unconfirmed) - back, 1)
        for each in [each for each in unconfirmed if each == tag or (multiple and each < tag)]:
            published = unconfirmed.pop(each)
            (self.confirmed if ack else self.nacked).add(published.body)
        if ack:
            broker.send(channel, BasicAck(tag, multiple))
        else:
            broker.send(channel, BasicNack(tag, multiple, False))

    @property
    def working(self) -> bool:
        """Whether the connection is open and knows of a confirming channel."""
        broker = self.online
        if broker is None or self.connection_state is not ConnectionState.OPEN:
            return False
        return any(isinstance(method, ConfirmSelect) for _, method in broker.log)

    @precondition(lambda self: self.working)
    @rule(which=st.integers(0, 9), tag=st.integers(1, 99))
    def deliver_or_cancel(self, which: int, tag: int) -> None:
        broker = self.online
        assert broker is not None
        channels = sorted(broker.consumers.keys() - broker.closing)
        if not channels:
            self.consume(None, cancel_on_failure=False)
            self.serve()
            return
        channel = channels[which % len(channels)]
        if tag % 3:
            broker.deliver(channel, tag)
        else:
            broker.send(channel, BasicCancel(broker.consumers[channel], True))

    @precondition(lambda self: self.working)
    @rule(which=st.integers(0, 9))
    def close_channel(self, which: int) -> None:
        broker = self.online
        assert broker is not None
        channels = sorted(broker.open_channels - broker.closing)
        if channels:
            broker.close_channel(channels[which % len(channels)], 406)

    @precondition(lambda self: self.working)
    @rule(blocked=st.booleans())
    def block(self, blocked: bool) -> None:
        if self.online is not None:
            self.online.send(0, ConnectionBlocked('memory') if blocked else ConnectionUnblocked())

    @precondition(lambda self: self.working)
    @rule(dice=st.integers(1, 4))
    def close_connection(self, dice: int) -> None:
        if dice < 4:
            return
        if self.online is not None:
            self.online.send(0, ConnectionClose(320, 'bye', 0, 0))

    @precondition(lambda self: self.rig.engine.link is not None)
    @rule(dice=st.integers(1, 4))
    def lose(self, dice: int) -> None:
        if dice < 4:
            return
        self.rig.lose()

    @rule(seconds=st.sampled_from([0.0, 0.05, 0.2, 1.0, 6.0, 35.0]))
    def advance(self, seconds: float) -> None:
        self.rig.advance(seconds)

    # What holds

    @invariant()
    def the_first_sends_to_each_destination_are_in_order(self) -> None:
        seen: dict[tuple[bytes, bytes], dict[bytes, None]] = {}
        for broker in self.brokers:
            for each in broker.published:
                seen.setdefault((each.exchange, each.routing_key), {})[each.body] = None
        assert all(list(bodies) == sorted(bodies) for bodies in seen.values())

    @invariant()
    def each_channel_gets_them_in_order(self) -> None:
        for broker in self.brokers:
            last: dict[tuple[int, bytes, bytes], bytes] = {}
            for each in broker.published:
                if each.tag == 1:  # The channel is a new one.
                    last = {key: body for key, body in last.items() if key[0] != each.channel}
                where = each.channel, each.exchange, each.routing_key
                assert each.body > last.get(where, b'') or each.body in self.nacked
                last[where] = each.body

    @invariant()
    def what_succeeded_was_confirmed(self) -> None:
        for body, ending in self.messages.items():
            if ending.done() and not isinstance(ending.ends[0], BaseException):
                assert body in self.confirmed

    @invariant()
    def what_is_not_done_is_held(self) -> None:
        open_endings = [ending for ending in self.messages.values() if not ending.done()]
        assert set(self.rig.engine.window.unconfirmed) == set(open_endings)

    def teardown(self) -> None:
        self.rig.engine.stop(self.rig.clock.now)
        self.rig.carry_out()
        for _ in range(3):
            self.rig.advance(STOP_TIMEOUT)
        assert self.rig.engine.state is EngineState.STOPPED
        assert len(self.rig.reported(ClusterStopped)) == 1
        assert all(ending.done() for ending in self.messages.values())
        assert all(promise.done() for promise in self.promises)
        assert all(consumer.cancelled for consumer in self.consumers)
        assert all(consumer.state == 0 for consumer in self.consumers)
        assert self.rig.engine._publisher.held_bytes == 0


def refuses(method: Method) -> int:
    """Refuse some queues, an exchange and a destination, as RabbitMQ might."""
    if isinstance(method, QueueDeclare):
        return {b'bad': 406, b'locked': 405}.get(text_bytes(method.queue, 'queue'), 0)
    if isinstance(method, BasicPublish):
        if method.exchange == b'gone':
            return 404
        return 406 if (method.exchange, method.routing_key) == (b'x', b'm') else 0
    return 0


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Leave out the many warnings of so many faults."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def test_the_engine_at_random() -> None:
    with quiet():
        run_state_machine_as_test(
            EngineMachine,
            settings=settings(
                max_examples=400,
                stateful_step_count=60,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            ),
        )
