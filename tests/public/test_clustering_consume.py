"""coolamqp.clustering.Cluster, row by row: consume and drain."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from opentracing.mocktracer import MockTracer
from pika.adapters.blocking_connection import BlockingChannel

from coolamqp.attaches import BodyReceiveMode, Consumer
from coolamqp.clustering import Cluster, ConnectionLost, MessageReceived, NothingMuch
from coolamqp.clustering.events import Event
from coolamqp.exceptions import AMQPError
from coolamqp.objects import Exchange, Message, Queue, ReceivedMessage
from tests.integration.support import (
    PATIENCE,
    SHORT,
    Collector,
    await_reconnect,
    confirmed,
    consume,
)
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration

SPAN = MockTracer().start_span('of a program')  # without a tracer, nobody's business

# -- consume: argument orders. (queue, on_message), then these; no_ack and qos that come of it

ORDERS: dict[str, tuple[tuple[Any, ...], dict[str, Any], bool, int | None]] = {
    'nothing': ((), {}, True, None),
    'keywords': ((), {'no_ack': False, 'qos': 5}, False, 5),
    'keywords with a span': ((), {'span': SPAN, 'dont_trace': True, 'no_ack': False}, False, None),
    '1.x no_ack': ((False,), {}, False, None),
    '1.x no_ack=True': ((True,), {}, True, None),
    '1.x no_ack, qos': ((False, 5), {}, False, 5),
    '1.x no_ack, qos of a pair': ((False, (None, 5)), {}, False, 5),
    '1.x no_ack, qos, cancel_on_failure': ((False, 5, True), {}, False, 5),
    '1.x no_ack, qos by keyword': ((False,), {'qos': 5}, False, 5),
    '2.x span': ((SPAN,), {}, True, None),
    '2.x span, dont_trace': ((SPAN, True), {}, True, None),
    '2.x span, dont_trace, keywords': ((SPAN, True), {'no_ack': False, 'qos': 5}, False, 5),
    '2.x no span, dont_trace': ((None, False), {'no_ack': False}, False, None),
    '2.x no span, dont_trace, no_ack, qos': ((None, False, False, 5), {}, False, 5),
    '2.x span, dont_trace, no_ack, qos': ((SPAN, False, False, 5), {}, False, 5),
}


@pytest.mark.parametrize(('rest', 'keywords', 'no_ack', 'qos'), ORDERS.values(), ids=ORDERS)
def test_consume_in_the_argument_orders_of_1x_and_2x(
    untyped: Any, rest: tuple[Any, ...], keywords: dict[str, Any], no_ack: bool, qos: int | None
) -> None:
    collector = Collector()
    queue = Queue('orders', auto_delete=True)
    consumer, future = untyped.consume(queue, collector, *rest, **keywords)

    assert isinstance(consumer, Consumer)
    assert future.result(PATIENCE) is None
    assert (consumer.no_ack, consumer.qos) == (no_ack, qos)
    confirmed(untyped, b'', 'orders').result(PATIENCE)
    collector.wait_for(1)


def test_consume_all_that_is_left_by_position_goes_to_the_consumer(untyped: Any) -> None:
    consumer, future = untyped.consume(
        Queue('all', auto_delete=True),
        print,
        False,
        5,
        True,
        None,
        True,
        BodyReceiveMode.MEMORYVIEW,
    )
    future.result(PATIENCE)
    assert consumer.cancel_on_failure
    assert consumer.fail_on_first_time_resource_locked
    assert consumer.body_receive_mode == BodyReceiveMode.MEMORYVIEW


def test_consume_everything_by_keyword(untyped: Any) -> None:
    consumer, future = untyped.consume(
        queue=Queue('all', auto_delete=True),
        on_message=print,
        span=None,
        dont_trace=False,
        no_ack=False,
        qos=(None, 5),
        cancel_on_failure=True,
        fail_on_first_time_resource_locked=True,
        body_receive_mode=BodyReceiveMode.LIST_OF_MEMORYVIEW,
        arguments={'x-priority': 5},
    )
    future.result(PATIENCE)
    assert (consumer.no_ack, consumer.qos) == (False, 5)


# -- consume: what it does


def test_consume_declares_the_queue_its_exchange_and_the_binding(
    cluster: Cluster, pika_channel: BlockingChannel
) -> None:
    exchange = Exchange('made for it', b'topic', durable=False)
    queue = Queue('made too', exchange=exchange, routing_key='a.*', auto_delete=True)
    collector = Collector()
    consume(cluster, queue, collector)
    pika_channel.basic_publish('made for it', 'a.b', b'arrives')
    collector.wait_for(1)
    assert collector.bodies == [b'arrives']


def test_consume_an_anonymous_queue_gives_it_a_name(cluster: Cluster) -> None:
    collector, queue = Collector(), Queue()
    consume(cluster, queue, collector)
    assert queue.name is not None
    assert queue.name.startswith(b'amq.gen-')
    confirmed(cluster, b'arrives', queue.name).result(PATIENCE)
    collector.wait_for(1)


def test_consume_an_anonymous_queue_goes_on_after_a_reconnect(
    through_proxy: Cluster, proxy: FaultProxy
) -> None:
    collector = Collector()
    fanout = Exchange('amq.fanout', b'fanout')
    consume(through_proxy, Queue(exchange=fanout), collector)
    proxy.cut()
    assert isinstance(through_proxy.drain(PATIENCE), ConnectionLost)

    await_reconnect(through_proxy)
    publish_to(through_proxy, fanout, b'news')
    collector.wait_for(1)
    assert collector.bodies == [b'news']


def publish_to(cluster: Cluster, exchange: Exchange, body: bytes) -> None:
    future = cluster.publish(Message(body), exchange, confirm=True)
    assert future is not None
    future.result(PATIENCE)


def test_consume_that_the_broker_refuses_fails_its_future(cluster: Cluster) -> None:
    cluster.declare(Queue('settled', durable=True)).result(PATIENCE)
    consumer, future = cluster.consume(Queue('settled', durable=False), print)
    error = future.exception(PATIENCE)
    assert isinstance(error, AMQPError)
    assert error.reply_code == 406
    assert consumer.cancelled
    assert cluster.connected


# -- drain


def test_drain_gives_the_messages_of_a_consumer_without_on_message(cluster: Cluster) -> None:
    queue = Queue('drained', auto_delete=True)
    _, future = cluster.consume(queue, no_ack=False)
    future.result(PATIENCE)
    confirmed(cluster, b'hello', 'drained', {'content_type': 'text/plain'}).result(PATIENCE)

    message = cluster.drain(PATIENCE)
    assert isinstance(message, MessageReceived)
    assert isinstance(message, ReceivedMessage)
    assert isinstance(message, Event)
    assert (message.body, message.routing_key) == (b'hello', b'drained')
    assert message.properties.content_type == b'text/plain'
    message.ack()


@pytest.mark.parametrize('timeout', [0, 0.05])
def test_drain_gives_nothing_much_when_nothing_came(cluster: Cluster, timeout: float) -> None:
    assert isinstance(cluster.drain(timeout), NothingMuch)
    assert isinstance(cluster.drain(timeout=timeout, span=None, dont_trace=True), NothingMuch)
    assert isinstance(cluster.drain(timeout, SPAN, True), NothingMuch)


class Drainer:
    """Drains without a time-out on a thread of its own."""

    def __init__(self, cluster: Cluster) -> None:
        self.event: Event | None = None
        self.ended = threading.Event()
        self._cluster = cluster
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self) -> None:
        self.event = self._cluster.drain(None)
        self.ended.set()

    def wait(self) -> Event | None:
        assert self.ended.wait(PATIENCE), 'drain(None) has not ended'
        return self.event


def test_drain_none_waits_until_a_message_comes(cluster: Cluster) -> None:
    consume(cluster, Queue('drained', auto_delete=True))
    drainer = Drainer(cluster)
    assert not drainer.ended.wait(SHORT)
    confirmed(cluster, b'hello', 'drained').result(PATIENCE)
    assert isinstance(drainer.wait(), MessageReceived)


def test_drain_none_waits_until_the_connection_is_lost(
    through_proxy: Cluster, proxy: FaultProxy
) -> None:
    drainer = Drainer(through_proxy)
    assert not drainer.ended.wait(SHORT)
    proxy.cut()
    assert isinstance(drainer.wait(), ConnectionLost)


def test_drain_none_waits_until_shutdown(cluster: Cluster) -> None:
    drainer = Drainer(cluster)
    assert not drainer.ended.wait(SHORT)
    cluster.shutdown()
    assert isinstance(drainer.wait(), NothingMuch)


# -- coolamqp.clustering.events


def test_message_received_is_made_from_a_received_message() -> None:
    calls: list[str] = []
    original = ReceivedMessage(
        b'b', 'ex', 'key', None, 5, lambda: calls.append('ack'), lambda: calls.append('nack')
    )
    event = MessageReceived(original)
    assert (event.body, event.exchange_name, event.routing_key) == (b'b', 'ex', 'key')
    assert (event.properties, event.delivery_tag) == (original.properties, 5)
    event.ack()
    assert calls == ['ack']


@pytest.mark.parametrize('kind', [NothingMuch, ConnectionLost, MessageReceived])
def test_everything_that_is_drained_is_an_event(kind: type) -> None:
    assert issubclass(kind, Event)
