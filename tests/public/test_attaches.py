"""coolamqp.attaches for old programs: names, argument orders of Consumer, forms of qos."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from opentracing.mocktracer import MockTracer

from coolamqp.attaches import BodyReceiveMode, Consumer
from coolamqp.attaches.channeler import ST_OFFLINE, ST_ONLINE, ST_SYNCING
from coolamqp.objects import Queue

OLD_CONSUMER: Any = Consumer  # as old programs see it, without types
SPAN = MockTracer().start_span('of a program')  # without a tracer, nobody's business
QUEUE = Queue('jobs')


@pytest.mark.parametrize('name', ['Publisher', 'Declarer', 'AttacheGroup', 'Consumer'])
def test_names_can_be_imported(name: str) -> None:
    assert isinstance(getattr(importlib.import_module('coolamqp.attaches'), name), type)


def test_body_receive_mode_values() -> None:
    assert [BodyReceiveMode(number).name for number in range(3)] == [
        'BYTES',
        'MEMORYVIEW',
        'LIST_OF_MEMORYVIEW',
    ]


# -- Consumer: argument orders; what comes after (queue, on_message)

ORDERS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    '1.x': ((False, 5, True, None, True, 1), {}),
    '2.x': ((SPAN, False, 5, True, None, True, 1), {}),
    '2.x without a span': ((None, False, 5, True, None, True, 1), {}),
    'mixed': (
        (False,),
        {
            'qos': 5,
            'cancel_on_failure': True,
            'fail_on_first_time_resource_locked': True,
            'body_receive_mode': 1,
        },
    ),
    'keywords': (
        (),
        {
            'span': SPAN,
            'no_ack': False,
            'qos': (None, 5),
            'cancel_on_failure': True,
            'future_to_notify': None,
            'fail_on_first_time_resource_locked': True,
            'body_receive_mode': BodyReceiveMode.MEMORYVIEW,
            'arguments': {'x-priority': 1},
        },
    ),
}


@pytest.mark.parametrize(('rest', 'keywords'), ORDERS.values(), ids=ORDERS)
def test_consumer_in_the_argument_orders_of_1x_and_2x(
    rest: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    consumer = OLD_CONSUMER(QUEUE, print, *rest, **keywords)
    assert consumer.queue is QUEUE
    assert (consumer.no_ack, consumer.qos) == (False, 5)
    assert consumer.cancel_on_failure
    assert consumer.fail_on_first_time_resource_locked
    assert consumer.body_receive_mode == 1


@pytest.mark.parametrize('rest', [(False,), (True,), (None, True), (SPAN, False)])
def test_consumer_with_a_bool_for_a_span_means_no_ack(rest: tuple[Any, ...]) -> None:
    assert OLD_CONSUMER(QUEUE, print, *rest).no_ack == rest[-1]


def test_consumer_by_default() -> None:
    consumer = Consumer(QUEUE, print)
    assert (consumer.no_ack, consumer.qos, consumer.cancelled) == (True, None, False)
    assert (consumer.state, consumer.consumer_tag) == (ST_OFFLINE, b'jobs')
    assert (ST_OFFLINE, ST_SYNCING, ST_ONLINE) == (0, 1, 2)
    assert consumer.body_receive_mode == BodyReceiveMode.BYTES


# -- qos


@pytest.mark.parametrize(('qos', 'count'), [(5, 5), ((None, 5), 5), ((0, 5), 5), (None, None)])
def test_qos_is_a_prefetch_count(qos: Any, count: int | None) -> None:
    assert Consumer(QUEUE, print, no_ack=False, qos=qos).qos == count


def test_qos_with_a_prefetch_size_warns() -> None:
    with pytest.warns(DeprecationWarning, match=r'no prefetch size; 1024 is taken as 0'):
        consumer = Consumer(QUEUE, print, no_ack=False, qos=(1024, 5))
    assert consumer.qos == 5
    with pytest.warns(DeprecationWarning, match=r'no prefetch size; 1024 is taken as 0'):
        consumer.set_qos(1024, 7)
    assert consumer.qos == 7
