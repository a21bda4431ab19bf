"""Suspects: a request that makes the broker fail is found, whatever the broker says."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from coolamqp.attaches.events import ConnectionLost
from coolamqp.attaches.operation import declare
from coolamqp.attaches.suspects import CALM_SECONDS, SOON_SECONDS
from coolamqp.exceptions import AMQPError, ConnectionDead
from coolamqp.framing.definitions import (
    FRAME_HEADER,
    BasicAck,
    BasicConsume,
    BasicGet,
    BasicPublish,
    ConnectionClose,
    QueueDeclare,
)
from coolamqp.framing.frames import AMQPMethodFrame
from coolamqp.framing.method import Method
from coolamqp.framing.text import text_bytes
from coolamqp.objects import Queue
from coolamqp.uplink.tuning import FRAME_MAX
from tests.support.ending import Ending
from tests.support.rig import Rig
from tests.support.scripted_broker import ScriptedBroker

# The losses until a culprit is found, without and with an error of the broker.
LOSSES, LOSSES_WITH_ERROR = 4, 3

Request = Callable[[Rig, str], Ending]


def publish(rig: Rig, name: str) -> Ending:
    """Publish to an exchange."""
    return rig.publish(b'body', name.encode())


def declare_queue(rig: Rig, name: str) -> Ending:
    """Declare a queue."""
    promise = Ending()
    rig.engine.call(declare(Queue(name)), promise)
    return promise


def consume(rig: Rig, name: str) -> Ending:
    """Consume a queue."""
    future = rig.consume(Queue(name)).future_to_notify
    assert isinstance(future, Ending)
    return future


def fetch(rig: Rig, name: str) -> Ending:
    """Fetch a message from a queue."""
    return rig.fetch(name.encode(), no_ack=True)


def is_poison(method: Method) -> bool:
    """Whether a method makes the broker of these tests fail."""
    named = {
        BasicPublish: 'exchange',
        QueueDeclare: 'queue',
        BasicConsume: 'queue',
        BasicGet: 'queue',
    }.get(type(method))
    return named is not None and text_bytes(getattr(method, named), named) == b'poison'


class FailingBroker:
    """A broker that ends the connection when it gets poison.

    :param close: the close method that it sends, or bytes that the client does not accept; None if
        it says nothing
    """

    def __init__(self, rig: Rig, close: ConnectionClose | bytes | None) -> None:
        self.rig = rig
        self.close = close

    def run(self, seconds: float) -> None:
        """Serve one connection after the other, for some time."""
        end = self.rig.clock.now + seconds
        while self.rig.clock.now < end:
            if self.rig.engine.link is None:
                self.rig.advance(0.05)
                continue
            broker = self.rig.connect()
            broker.shake_hands()
            self._serve(broker, end)

    def _serve(self, broker: ScriptedBroker, end: float) -> None:
        link = self.rig.link()
        while self.rig.engine.link is link and self.rig.clock.now < end:
            for frame in broker.hear():
                if isinstance(frame, AMQPMethodFrame) and is_poison(frame.payload):
                    self._end(broker)
                    return
                broker.serve_frame(frame)
            broker.confirm_all()
            self.rig.advance(0.05)

    def _end(self, broker: ScriptedBroker) -> None:
        if self.close is None:
            self.rig.lose()
        elif isinstance(self.close, bytes):
            broker.feed(self.close)
        else:
            broker.send(0, self.close)


@pytest.mark.parametrize(
    'close', [None, ConnectionClose(541, b'INTERNAL_ERROR', 0, 0)], ids=['silent', '541']
)
@pytest.mark.parametrize('request_poison', [publish, declare_queue, consume, fetch])
def test_poison_fails_after_few_losses_and_all_others_go_on(
    request_poison: Request, close: ConnectionClose | None
) -> None:
    rig = Rig()
    rig.engine.start(rig.clock.now)
    others = [publish(rig, 'a'), declare_queue(rig, 'a'), consume(rig, 'a')]
    poison = request_poison(rig, 'poison')
    others += [publish(rig, 'b'), declare_queue(rig, 'b'), consume(rig, 'b')]
    FailingBroker(rig, close).run(60)
    assert isinstance(poison.error, ConnectionDead if close is None else AMQPError)
    assert all(each.done() and not isinstance(each.ends[0], Exception) for each in others)
    assert len(rig.reported(ConnectionLost)) == (LOSSES if close is None else LOSSES_WITH_ERROR)
    assert not rig.engine.owes_answers


def test_a_message_with_a_header_over_frame_max_fails_its_fetch() -> None:
    """RabbitMQ sends one when it dead-letters a message with long headers: it adds x-death."""
    rig = Rig()
    rig.engine.start(rig.clock.now)
    poison, other = fetch(rig, 'poison'), declare_queue(rig, 'a')
    FailingBroker(rig, struct.pack('>BHI', FRAME_HEADER, 1, FRAME_MAX)).run(60)
    assert isinstance(poison.error, ConnectionDead)
    assert 'where frame_max is 131072' in str(poison.error)
    assert other.done()
    assert len(rig.reported(ConnectionLost)) == LOSSES


def test_poison_is_found_among_many_messages_of_one_destination() -> None:
    rig = Rig()
    rig.engine.start(rig.clock.now)
    before = [publish(rig, 'a') for _ in range(50)]
    poison = [publish(rig, 'poison') for _ in range(2)]
    after = [publish(rig, 'a') for _ in range(50)]
    FailingBroker(rig, ConnectionClose(541, b'INTERNAL_ERROR', 0, 0)).run(60)
    assert all(isinstance(each.error, AMQPError) for each in poison)
    assert all(each.result() is None for each in before + after)
    assert len(rig.reported(ConnectionLost)) <= LOSSES_WITH_ERROR + 2


def test_connections_that_are_lost_for_other_reasons_accuse_nobody() -> None:
    rig = Rig()
    broker = rig.up()
    ending = rig.publish(b'unanswered')
    for seconds in (0.1, SOON_SECONDS, SOON_SECONDS, 0.1, SOON_SECONDS):
        broker.serve()
        rig.advance(seconds)
        broker = rig.reconnect()
    broker.confirm_all()
    assert ending.result() is None


def test_a_network_that_breaks_again_and_again_accuses_nobody() -> None:
    rig = Rig()
    broker = rig.up()
    endings = [rig.publish(b'%d' % number) for number in range(200)]
    for _ in range(10):
        rig.advance(CALM_SECONDS)
        broker.serve()
        (channel,) = [each for each, unconfirmed in broker.unconfirmed.items() if unconfirmed]
        broker.send(channel, BasicAck(min(broker.unconfirmed[channel]), False))
        broker.serve()
        broker = rig.reconnect()
    rig.advance(CALM_SECONDS)
    while not all(each.done() for each in endings):
        broker.serve()
        broker.confirm_all()
    assert all(each.result() is None for each in endings)


def test_a_network_that_breaks_each_connection_at_once_accuses_nobody() -> None:
    rig = Rig()
    broker = rig.up()
    ending = rig.publish(b'unanswered')
    for _ in range(10):
        broker.serve()
        rig.lose()
        while rig.engine.link is None:
            rig.advance(0.05)
        broker = rig.up()
        rig.advance(CALM_SECONDS / 2)
    broker.serve()
    rig.advance(CALM_SECONDS)
    broker.serve()
    broker.confirm_all()
    assert ending.result() is None


def test_an_operator_who_ends_the_connections_accuses_nobody() -> None:
    rig = Rig()
    broker = rig.up()
    ending = rig.publish(b'unanswered')
    for _ in range(5):
        broker.serve()
        broker.send(0, ConnectionClose(320, b'CONNECTION_FORCED', 0, 0))
        rig.advance(5)
        broker = rig.up()
    broker.confirm_all()
    assert ending.result() is None
