"""coolamqp.clustering.Cluster, row by row: declare, bind, delete_queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentracing.mocktracer import MockTracer
from pika.adapters.blocking_connection import BlockingChannel

from coolamqp.clustering import Cluster, ConnectionLost
from coolamqp.exceptions import AMQPError
from coolamqp.objects import Exchange, Message, Queue, QueueBind
from tests.integration.support import PATIENCE, Collector, await_reconnect, consume
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration

SPAN = MockTracer().start_span('of a program')  # without a tracer, nobody's business


def assert_refused(future: Any, reply_code: int) -> None:
    error = future.exception(PATIENCE)
    assert isinstance(error, AMQPError)
    assert error.reply_code == reply_code


# -- declare

OBJECTS: dict[str, Any] = {
    'queue': Queue('declared', auto_delete=True),
    'exchange': Exchange('declared', b'fanout', durable=False),
    'binding': QueueBind('declared', 'amq.topic', 'a.*'),
}


def test_declare_takes_a_queue_an_exchange_and_a_binding(
    cluster: Cluster, pika_channel: BlockingChannel
) -> None:
    for obj in OBJECTS.values():
        assert cluster.declare(obj).result(PATIENCE) is None

    pika_channel.queue_declare('declared', passive=True)
    pika_channel.exchange_declare('declared', passive=True)
    pika_channel.basic_publish('amq.topic', 'a.b', b'bound')
    collector = Collector()
    consume(cluster, Queue('declared', auto_delete=True), collector)
    collector.wait_for(1)


@pytest.mark.parametrize(
    'declare',
    [
        lambda cluster, obj: cluster.declare(obj),
        lambda cluster, obj: cluster.declare(obj, False),
        lambda cluster, obj: cluster.declare(obj, True, SPAN, True),
        lambda cluster, obj: cluster.declare(obj, persistent=True, span=SPAN, dont_trace=False),
        lambda cluster, obj: cluster.declare(obj, None),
        lambda cluster, obj: cluster.declare(obj, SPAN),
        lambda cluster, obj: cluster.declare(obj, SPAN, True),
        lambda cluster, obj: cluster.declare(obj, None, False),
        lambda cluster, obj: cluster.declare(obj, span=SPAN, dont_trace=True),
    ],
)
@pytest.mark.parametrize('obj', [OBJECTS['queue'], OBJECTS['exchange']])
def test_declare_in_the_argument_orders_of_1x_and_2x(
    untyped: Any, declare: Callable[[Any, Any], Any], obj: Any
) -> None:
    assert declare(untyped, obj).result(PATIENCE) is None


@pytest.mark.parametrize(
    ('arguments', 'keywords', 'again'),
    [
        ((), {}, False),
        ((), {'persistent': True}, True),
        ((True,), {}, True),
        ((False,), {}, False),
        ((SPAN,), {}, False),
        ((None, True), {}, False),  # of 2.x, where the second is dont_trace
        ((SPAN, True), {}, False),
        ((True, SPAN, True), {}, True),
    ],
)
def test_declare_persistent_is_declared_again_after_a_reconnect(
    through_proxy: Any,
    proxy: FaultProxy,
    arguments: tuple[Any, ...],
    keywords: dict[str, Any],
    again: bool,
) -> None:
    queue = Queue('ends with its connection', exclusive=True)
    through_proxy.declare(queue, *arguments, **keywords).result(PATIENCE)
    proxy.cut()
    assert isinstance(through_proxy.drain(PATIENCE), ConnectionLost)
    await_reconnect(through_proxy)

    future = through_proxy.bind(queue, 'amq.fanout', '')
    if again:
        assert future.result(PATIENCE) is None
    else:
        assert_refused(future, 404)


def test_declare_a_queue_with_an_exchange_binds_it(
    cluster: Cluster, pika_channel: BlockingChannel
) -> None:
    exchange = Exchange('beside', b'topic', durable=False)
    queue = Queue('bound', exchange=exchange, routing_key='a.#', auto_delete=True)
    cluster.declare(queue).result(PATIENCE)

    pika_channel.basic_publish('beside', 'a.b.c', b'arrives')
    collector = Collector()
    consume(cluster, Queue('bound', auto_delete=True), collector)
    collector.wait_for(1)


def test_declare_an_anonymous_queue_is_refused_at_once(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match=r'needs a queue with a name.*consuming'):
        cluster.declare(Queue())


def test_declare_that_the_broker_refuses_fails_its_future(cluster: Cluster) -> None:
    cluster.declare(Queue('settled', durable=True)).result(PATIENCE)
    future = cluster.declare(Queue('settled', durable=False))
    assert_refused(future, 406)
    with pytest.raises(AMQPError, match='durable'):
        future.result()
    assert cluster.connected


# -- bind

BINDS: list[Callable[[Any], Any]] = [
    lambda cluster: cluster.bind(Queue('bound'), Exchange('amq.topic', b'topic'), 'key'),
    lambda cluster: cluster.bind('bound', 'amq.topic', b'key'),
    lambda cluster: cluster.bind(b'bound', b'amq.topic', 'key'),
    lambda cluster: cluster.bind('bound', 'amq.topic', 'key', True),
    lambda cluster: cluster.bind('bound', 'amq.topic', 'key', False, SPAN, True),
    lambda cluster: cluster.bind('bound', 'amq.topic', 'key', True, None, False, {'a': 1}),
    lambda cluster: cluster.bind('bound', 'amq.topic', 'key', None),
    lambda cluster: cluster.bind('bound', 'amq.topic', 'key', SPAN),
    lambda cluster: cluster.bind('bound', 'amq.topic', 'key', SPAN, True),
    lambda cluster: cluster.bind('bound', 'amq.topic', 'key', None, False),
    lambda cluster: cluster.bind(
        queue='bound', exchange='amq.topic', routing_key='key', persistent=True, span=SPAN,
        dont_trace=True, arguments={'a': 1},
    ),
    lambda cluster: cluster.bind('bound', 'amq.topic', 'key', span=SPAN, dont_trace=True),
]  # fmt: skip


@pytest.mark.parametrize('bind', BINDS)
def test_bind_in_the_argument_orders_of_1x_and_2x(
    untyped: Any, pika_channel: BlockingChannel, bind: Callable[[Any], Any]
) -> None:
    queue = Queue('bound')
    untyped.declare(queue).result(PATIENCE)
    assert bind(untyped).result(PATIENCE) is None

    pika_channel.basic_publish('amq.topic', 'key', b'arrives')
    collector = Collector()
    consume(untyped, queue, collector)
    collector.wait_for(1)


def test_bind_with_arguments(cluster: Cluster) -> None:
    cluster.declare(Queue('red')).result(PATIENCE)
    arguments = {'x-match': 'all', 'colour': 'red'}
    cluster.bind('red', 'amq.headers', '', arguments=arguments).result(PATIENCE)
    for colour in ('blue', 'red'):
        message = Message(colour.encode(), {'headers': {'colour': colour}})
        future = cluster.publish(message, 'amq.headers', confirm=True)
        assert future is not None
        future.result(PATIENCE)
    collector = Collector()
    consume(cluster, Queue('red'), collector)
    collector.wait_for(1)
    assert collector.bodies == [b'red']


@pytest.mark.parametrize(
    ('arguments', 'again'),
    [((), False), ((True,), True), ((None, True), False), ((SPAN, True), False)],
)
def test_bind_persistent_is_bound_again_after_a_reconnect(
    through_proxy: Any, proxy: FaultProxy, arguments: tuple[Any, ...], again: bool
) -> None:
    queue = Queue('ends with its connection', exclusive=True)
    through_proxy.declare(queue, persistent=True).result(PATIENCE)
    through_proxy.bind(queue, 'amq.fanout', 'key', *arguments).result(PATIENCE)
    proxy.cut()
    assert isinstance(through_proxy.drain(PATIENCE), ConnectionLost)
    await_reconnect(through_proxy)

    collector = Collector()
    consume(through_proxy, queue, collector)
    through_proxy.publish(Message(b'by binding'), 'amq.fanout', confirm=True).result(PATIENCE)
    through_proxy.publish(Message(b'by name'), '', queue.name, confirm=True).result(PATIENCE)
    collector.wait_for(1 + again)
    assert collector.bodies == [b'by binding', b'by name'][not again :]


def test_bind_an_anonymous_queue_is_refused_at_once(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match='needs a queue with a name'):
        cluster.bind(Queue(), 'amq.topic', 'key')


def test_bind_that_the_broker_refuses_fails_its_future(cluster: Cluster) -> None:
    assert_refused(cluster.bind('nowhere', 'amq.topic', 'key'), 404)
    assert cluster.connected


# -- delete_queue


def test_delete_queue_that_is_there_and_that_is_not(
    cluster: Cluster, pika_channel: BlockingChannel
) -> None:
    queue = Queue('deleted', durable=True)
    cluster.declare(queue).result(PATIENCE)
    assert cluster.delete_queue(queue).result(PATIENCE) is None
    assert cluster.delete_queue(queue).result(PATIENCE) is None
    with pytest.raises(Exception, match='NOT_FOUND'):
        pika_channel.queue_declare('deleted', passive=True)


def test_delete_queue_that_another_holds_is_an_error(
    cluster: Cluster, make_cluster: Callable[[], Cluster]
) -> None:
    other = make_cluster()
    other.start()
    other.declare(Queue('theirs', exclusive=True)).result(PATIENCE)
    assert_refused(cluster.delete_queue(Queue('theirs')), 405)
    assert cluster.connected
