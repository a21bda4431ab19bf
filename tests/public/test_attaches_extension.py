"""coolamqp.attaches.Consumer: its extension points, and consumers that are made by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from coolamqp.attaches import Consumer
from coolamqp.clustering import ConnectionLost
from coolamqp.framing.definitions import BasicDeliver
from coolamqp.framing.frames import AMQPBodyFrame, AMQPHeaderFrame, AMQPMethodFrame
from coolamqp.objects import Exchange, Queue
from tests.integration.support import PATIENCE, Collector, await_reconnect, confirmed
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration

BASE: Any = Consumer  # untyped, as the programs are that subclass it
LARGE = b'x' * 300_000  # more than two frames hold


class Watchful(BASE):  # type: ignore[misc]  # see BASE
    """Overrides all that may be overridden, in the manner of 1.x and 2.x."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.operational: list[bool] = []
        self.closes: list[Any] = []
        self.frames: list[Any] = []
        self.methods: list[Any] = []
        self.turned = threading.Condition()

    def on_operational(self, operational: bool) -> None:
        super().on_operational(operational)
        with self.turned:
            self.operational.append(operational)
            self.turned.notify_all()

    def on_close(self, payload: Any = None) -> None:
        super().on_close(payload)
        self.closes.append(payload)

    def on_delivery(self, frame: Any) -> None:
        self.frames.append(frame)  # before it, since the last frame brings about on_message
        super().on_delivery(frame)

    def on_setup(self, method: Any) -> None:
        super().on_setup(method)
        self.methods.append(method)

    def wait_until_operational(self, *turns: bool) -> None:
        with self.turned:
            there = self.turned.wait_for(lambda: self.operational == list(turns), PATIENCE)
            assert there, f'operational: {self.operational}, not {turns}'


START: dict[str, Callable[[Any, Any], Any]] = {
    '2.x attache_group.add': lambda cluster, consumer: cluster.attache_group.add(consumer),
    'add_consumer': lambda cluster, consumer: cluster.add_consumer(consumer).result(PATIENCE),
}


@pytest.mark.parametrize('start', START.values(), ids=START)
def test_a_consumer_made_by_hand_is_started(untyped: Any, start: Callable[[Any, Any], Any]) -> None:
    collector = Collector()
    consumer = Watchful(Queue('by hand', auto_delete=True), collector, no_ack=False, qos=10)
    start(untyped, consumer)
    consumer.wait_until_operational(True)
    confirmed(untyped, b'arrives', 'by hand').result(PATIENCE)
    collector.wait_for(1)
    collector.messages[0].ack()
    assert consumer.cancel().result(PATIENCE) is None


def test_a_consumer_made_by_hand_notifies_the_future_it_was_given(untyped: Any) -> None:
    future: Future[None] = Future()
    queue = Queue('by hand', auto_delete=True)
    untyped.attache_group.add(BASE(queue, print, future_to_notify=future))
    assert future.result(PATIENCE) is None


def test_on_operational_alternates_through_reconnects(
    through_proxy: Any, proxy: FaultProxy
) -> None:
    consumer = Watchful(Queue('alternating', durable=True), print)
    through_proxy.attache_group.add(consumer)
    consumer.wait_until_operational(True)
    proxy.cut()
    assert isinstance(through_proxy.drain(PATIENCE), ConnectionLost)
    consumer.wait_until_operational(True, False, True)
    await_reconnect(through_proxy)
    consumer.cancel().result(PATIENCE)
    consumer.wait_until_operational(True, False, True, False)
    through_proxy.shutdown()
    assert consumer.operational == [True, False, True, False]
    assert len(consumer.closes) == 2


@pytest.mark.parametrize('body', [b'', b'small', LARGE], ids=['empty', 'small', 'large'])
def test_on_delivery_sees_method_header_and_body(untyped: Any, body: bytes) -> None:
    collector = Collector()
    consumer = Watchful(Queue('delivered', auto_delete=True), collector)
    untyped.attache_group.add(consumer)
    consumer.wait_until_operational(True)
    confirmed(untyped, body, 'delivered', {'app_id': 'tests'}).result(PATIENCE)
    collector.wait_for(1)

    assert collector.bodies == [body]  # as without overriding it
    method, header, *pieces = consumer.frames
    assert isinstance(method, AMQPMethodFrame)
    assert isinstance(method.payload, BasicDeliver)
    assert method.payload.routing_key == b'delivered'
    assert isinstance(header, AMQPHeaderFrame)
    assert header.body_size == len(body)
    assert header.properties.app_id == b'tests'
    assert all(isinstance(piece, AMQPBodyFrame) for piece in pieces)
    assert b''.join(bytes(piece.data) for piece in pieces) == body


def test_on_setup_sees_what_the_broker_answers(untyped: Any) -> None:
    exchange = Exchange('set up', b'fanout', durable=False)
    queue = Queue('set up', exchange=exchange, auto_delete=True)
    consumer = Watchful(queue, print, no_ack=False, qos=5)
    untyped.add_consumer(consumer).result(PATIENCE)
    consumer.wait_until_operational(True)  # the next call after those of setting up
    names = [method.NAME for method in consumer.methods]
    for name in ('queue.declare-ok', 'queue.bind-ok', 'basic.qos-ok', 'basic.consume-ok'):
        assert name in names


def test_an_extension_point_that_raises_is_logged_and_costs_nothing_else(
    untyped: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(BASE):  # type: ignore[misc]  # see BASE
        def on_operational(self, operational: bool) -> None:
            raise LookupError('this one is broken')

    collector = Collector()
    untyped.add_consumer(Broken(Queue('broken', auto_delete=True), collector)).result(PATIENCE)
    confirmed(untyped, b'', 'broken').result(PATIENCE)
    collector.wait_for(1)
    assert 'this one is broken' in caplog.text
