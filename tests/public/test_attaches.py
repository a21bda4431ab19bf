"""coolamqp.attaches, row by row: names, Consumer, body modes, prefetch and cancelling."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from opentracing.mocktracer import MockTracer

from coolamqp.attaches import BodyReceiveMode, Consumer
from coolamqp.attaches.channeler import ST_OFFLINE, ST_ONLINE, ST_SYNCING
from coolamqp.clustering import Cluster, ConnectionLost
from coolamqp.exceptions import AMQPError
from coolamqp.objects import Queue
from tests.conftest import MakeCluster
from tests.integration.support import (
    PATIENCE,
    SHORT,
    Collector,
    Signals,
    await_reconnect,
    confirmed,
    consume,
)
from tests.support.ports import free_port
from tests.support.proxy import FaultProxy

OLD_CONSUMER: Any = Consumer  # as old programs see it, without types
SPAN = MockTracer().start_span('of a program')  # without a tracer, nobody's business
QUEUE = Queue('jobs')
LARGE = bytes(range(256)) * 1600  # in several frames


@pytest.mark.parametrize('name', ['Publisher', 'Declarer', 'AttacheGroup', 'Consumer'])
def test_names_can_be_imported(name: str) -> None:
    assert isinstance(getattr(importlib.import_module('coolamqp.attaches'), name), type)


# -- BodyReceiveMode


def test_body_receive_mode_values() -> None:
    assert [BodyReceiveMode(number).name for number in range(3)] == [
        'BYTES',
        'MEMORYVIEW',
        'LIST_OF_MEMORYVIEW',
    ]


@pytest.mark.integration
@pytest.mark.parametrize('body', [b'', b'small', LARGE], ids=['empty', 'small', 'large'])
@pytest.mark.parametrize(
    ('mode', 'kind', 'piece'),
    [
        (BodyReceiveMode.BYTES, bytes, bytes),
        (0, bytes, bytes),
        (BodyReceiveMode.MEMORYVIEW, memoryview, memoryview),
        (BodyReceiveMode.LIST_OF_MEMORYVIEW, list, memoryview),
    ],
)
def test_body_receive_mode_says_how_a_body_comes(
    cluster: Cluster, mode: int, kind: type, piece: type, body: bytes
) -> None:
    collector = Collector()
    consumer = consume(
        cluster, Queue('bodies', auto_delete=True), collector, body_receive_mode=mode
    )
    confirmed(cluster, body, 'bodies').result(PATIENCE)
    (message,) = collector.wait_for(1)
    assert isinstance(message.body, kind)
    pieces: Any = message.body if kind is list else [message.body]
    assert {type(each) for each in pieces} <= {piece}
    assert b''.join(pieces) == body
    assert consumer.body_receive_mode == mode


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


@pytest.mark.integration
def test_qos_is_applied_before_the_first_message(cluster: Cluster) -> None:
    for number in range(3):
        confirmed_in(cluster, 'waiting', b'%d' % number)
    collector = Collector()
    consume(cluster, Queue('waiting'), collector, no_ack=False, qos=2)
    with pytest.raises(AssertionError, match='2 messages of 3'):
        collector.wait_for(3, SHORT)
    assert collector.bodies == [b'0', b'1']


def confirmed_in(cluster: Cluster, name: str, body: bytes) -> None:
    cluster.declare(Queue(name)).result(PATIENCE)
    confirmed(cluster, body, name).result(PATIENCE)


@pytest.mark.integration
@pytest.mark.parametrize('arguments', [(3,), (None, 3), (0, 3)])
def test_set_qos_changes_it_now_and_after_a_reconnect(
    through_proxy: Cluster, proxy: FaultProxy, arguments: tuple[Any, ...]
) -> None:
    for number in range(4):
        confirmed_in(through_proxy, 'waiting', b'%d' % number)
    collector = Collector()
    consumer = consume(through_proxy, Queue('waiting'), collector, no_ack=False, qos=1)
    collector.wait_for(1)

    consumer.set_qos(*arguments)
    collector.wait_for(3)
    assert consumer.qos == 3
    collector.messages.clear()
    proxy.cut()
    collector.wait_for(3)
    with pytest.raises(AssertionError, match='3 messages of 4'):
        collector.wait_for(4, SHORT)


# -- state


@pytest.mark.integration
def test_state_cancelled_and_queue_through_a_life(
    through_proxy: Cluster, proxy: FaultProxy
) -> None:
    assert (ST_OFFLINE, ST_SYNCING, ST_ONLINE) == (0, 1, 2)
    queue = Queue('living', auto_delete=True)
    consumer = consume(through_proxy, queue, print)
    assert (consumer.state, consumer.cancelled) == (ST_ONLINE, False)
    assert consumer.queue is queue
    proxy.refuse()
    proxy.cut()
    assert isinstance(through_proxy.drain(PATIENCE), ConnectionLost)
    assert (consumer.state, consumer.cancelled) == (ST_OFFLINE, False)
    consumer.cancel().result(PATIENCE)
    assert (consumer.state, consumer.cancelled) == (ST_OFFLINE, True)


# -- cancel


@pytest.mark.integration
def test_cancel_lets_no_message_through_after_it_has_ended(cluster: Cluster) -> None:
    collector = Collector()
    consumer = consume(cluster, Queue('ending'), collector, no_ack=False)
    confirmed(cluster, b'early', 'ending').result(PATIENCE)
    (early,) = collector.wait_for(1)

    assert consumer.cancel().result(PATIENCE) is None
    confirmed(cluster, b'late', 'ending').result(PATIENCE)
    early.ack()  # a no-op: the broker has requeued it
    again = Collector()
    consume(cluster, Queue('ending'), again)
    again.wait_for(2)
    assert again.bodies == [b'early', b'late']
    assert collector.bodies == [b'early']


@pytest.mark.integration
def test_cancel_twice_and_while_the_first_is_under_way(cluster: Cluster) -> None:
    consumer = consume(cluster, Queue('twice', auto_delete=True), print)
    futures = [consumer.cancel() for _ in range(3)]
    assert [future.result(PATIENCE) for future in futures] == [None] * 3
    assert consumer.cancel().result(PATIENCE) is None
    assert consumer.cancelled


def test_cancel_of_a_consumer_that_was_never_started() -> None:
    consumer: Any = Consumer(QUEUE, print)
    assert consumer.cancel().result(PATIENCE) is None
    assert consumer.cancel().result(PATIENCE) is None
    assert consumer.cancelled


@pytest.mark.integration
def test_cancel_while_it_is_being_set_up(cluster: Cluster) -> None:
    consumer: Any
    consumer, future = cluster.consume(Queue('hasty', auto_delete=True), print)
    assert consumer.cancel().result(PATIENCE) is None
    future.exception(PATIENCE)  # it may have begun before
    assert consumer.cancelled


@pytest.mark.integration
def test_cancel_without_a_broker(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(port=free_port())
    cluster.start(wait=False)
    consumer: Any
    consumer, future = cluster.consume(QUEUE, print)
    assert consumer.cancel().result(PATIENCE) is None
    assert future.exception(PATIENCE) is not None


@pytest.mark.integration
def test_cancel_with_a_broker_that_falls_silent(through_proxy: Cluster, proxy: FaultProxy) -> None:
    consumer = consume(through_proxy, Queue('silent', auto_delete=True), print)
    proxy.refuse()
    proxy.pause()
    future = consumer.cancel()
    proxy.cut()
    assert future.result(PATIENCE) is None


@pytest.mark.integration
def test_cancel_after_its_channel_was_closed(cluster: Cluster) -> None:
    cluster.declare(Queue('settled', durable=True)).result(PATIENCE)
    consumer: Any
    consumer, future = cluster.consume(Queue('settled'), print)
    assert isinstance(future.exception(PATIENCE), AMQPError)
    assert consumer.cancel().result(PATIENCE) is None


@pytest.mark.integration
def test_cancel_after_shutdown(cluster: Cluster) -> None:
    consumer = consume(cluster, Queue('late', auto_delete=True), print)
    cluster.shutdown()
    assert consumer.cancel().result(PATIENCE) is None


# -- on_cancel, on_broker_cancel, cancel_on_failure


@pytest.mark.integration
def test_on_cancel_is_called_once(cluster: Cluster) -> None:
    consumer = consume(cluster, Queue('cancelled', auto_delete=True), print)
    cancelled, by_broker = Signals(), Signals()
    consumer.on_cancel.add(cancelled)
    consumer.on_broker_cancel.add(by_broker)
    consumer.cancel().result(PATIENCE)
    consumer.cancel().result(PATIENCE)
    cluster.shutdown()
    assert cancelled.wait_for(1) == [()]
    assert by_broker.calls == []


@pytest.mark.integration
def test_on_broker_cancel_is_called_when_the_queue_is_deleted(cluster: Cluster) -> None:
    queue = Queue('deleted')
    by_broker = Signals()
    consumer = consume(cluster, queue, print)
    consumer.on_broker_cancel.add(by_broker)
    cluster.delete_queue(queue).result(PATIENCE)
    assert by_broker.wait_for(1) == [()]


@pytest.mark.integration
@pytest.mark.parametrize('cancel_on_failure', [True, False])
def test_cancel_on_failure(
    through_proxy: Cluster, proxy: FaultProxy, cancel_on_failure: bool
) -> None:
    cancelled, collector = Signals(), Collector()
    queue = Queue('failing', durable=True)
    consumer = consume(through_proxy, queue, collector, cancel_on_failure=cancel_on_failure)
    consumer.on_cancel.add(cancelled)
    proxy.cut()
    assert isinstance(through_proxy.drain(PATIENCE), ConnectionLost)
    if cancel_on_failure:
        cancelled.wait_for(1)
    await_reconnect(through_proxy)

    assert consumer.cancelled == cancel_on_failure
    if not cancel_on_failure:
        confirmed(through_proxy, b'', 'failing').result(PATIENCE)
        collector.wait_for(1)


# -- fail_on_first_time_resource_locked


@pytest.mark.integration
def test_resource_locked_is_an_error_the_first_time_if_asked_for(
    cluster: Cluster, make_cluster: MakeCluster
) -> None:
    queue = Queue('locked', exclusive=True)
    holder = make_cluster()
    holder.start()
    holder.declare(queue).result(PATIENCE)

    consumer, future = cluster.consume(queue, print, fail_on_first_time_resource_locked=True)
    error = future.exception(PATIENCE)
    assert isinstance(error, AMQPError)
    assert error.reply_code == 405
    assert consumer.cancelled


@pytest.mark.integration
def test_resource_locked_is_tried_again_until_the_queue_is_free(
    cluster: Cluster, make_cluster: MakeCluster
) -> None:
    queue = Queue('locked', exclusive=True)
    holder = make_cluster()
    holder.start()
    holder.declare(queue).result(PATIENCE)

    collector = Collector()
    consumer, future = cluster.consume(queue, collector)
    with pytest.raises(TimeoutError):
        future.result(SHORT)
    assert not consumer.cancelled
    holder.shutdown()
    future.result(PATIENCE)
    confirmed(cluster, b'', 'locked').result(PATIENCE)
    collector.wait_for(1)
