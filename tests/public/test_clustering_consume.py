"""coolamqp.clustering.Cluster, in old argument orders: consume and drain."""

from __future__ import annotations

from typing import Any

import pytest
from opentracing.mocktracer import MockTracer

from coolamqp.attaches import BodyReceiveMode, Consumer
from coolamqp.clustering import Cluster, ConnectionLost, MessageReceived, NothingMuch
from coolamqp.clustering.events import Event
from coolamqp.objects import Queue
from tests.integration.support import PATIENCE, Collector, confirmed

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


def test_consume_all_that_is_left_by_position_or_by_keyword(untyped: Any) -> None:
    mode = BodyReceiveMode.MEMORYVIEW
    by_position = (Queue('a', auto_delete=True), print, False, 5, True, None, True, mode)
    by_keyword = {
        'queue': Queue('b', auto_delete=True),
        'on_message': print,
        'span': None,
        'dont_trace': False,
        'no_ack': False,
        'qos': (None, 5),
        'cancel_on_failure': True,
        'fail_on_first_time_resource_locked': True,
        'body_receive_mode': mode,
        'arguments': {'x-priority': 5},
    }
    for arguments, keywords in ((by_position, {}), ((), by_keyword)):
        consumer, future = untyped.consume(*arguments, **keywords)
        future.result(PATIENCE)
        assert (consumer.no_ack, consumer.qos, consumer.body_receive_mode) == (False, 5, mode)
        assert consumer.cancel_on_failure
        assert consumer.fail_on_first_time_resource_locked


@pytest.mark.parametrize('timeout', [0, 0.05])
def test_drain_gives_nothing_much_when_nothing_came(cluster: Cluster, timeout: float) -> None:
    assert isinstance(cluster.drain(timeout), NothingMuch)
    assert isinstance(cluster.drain(timeout=timeout, span=None, dont_trace=True), NothingMuch)
    assert isinstance(cluster.drain(timeout, SPAN, True), NothingMuch)


# -- coolamqp.clustering.events


@pytest.mark.parametrize('kind', [NothingMuch, ConnectionLost, MessageReceived])
def test_everything_that_is_drained_is_an_event(kind: type) -> None:
    assert issubclass(kind, Event)
