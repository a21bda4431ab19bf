"""coolamqp.clustering.Cluster, in old argument orders: declare and bind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentracing.mocktracer import MockTracer
from pika.adapters.blocking_connection import BlockingChannel

from coolamqp.clustering import ConnectionLost
from coolamqp.exceptions import AMQPError
from coolamqp.objects import Exchange, Message, Queue
from tests.integration.support import PATIENCE, Collector, await_reconnect, consume
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration

SPAN = MockTracer().start_span('of a program')  # without a tracer, nobody's business


# -- declare


@pytest.mark.parametrize(
    ('arguments', 'keywords', 'again'),
    [
        ((), {}, False),
        ((), {'persistent': True}, True),
        ((), {'persistent': True, 'span': SPAN, 'dont_trace': False}, True),
        ((), {'span': SPAN, 'dont_trace': True}, False),
        ((None,), {}, False),
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
        with pytest.raises(AMQPError, match='404'):
            future.result(PATIENCE)


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
