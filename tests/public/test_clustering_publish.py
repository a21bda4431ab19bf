"""coolamqp.clustering.Cluster, in old argument orders: publish."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from opentracing.mocktracer import MockTracer

from coolamqp.clustering import Cluster
from coolamqp.objects import Exchange, Message, Queue
from tests.integration.support import PATIENCE, Collector, consume

pytestmark = pytest.mark.integration

SPAN = MockTracer().start_span('of a program')  # without a tracer, nobody's business
M = Message(b'hello')

# -- where to


@pytest.mark.parametrize(
    'exchange', [Exchange('amq.topic', b'topic'), 'amq.topic', b'amq.topic'],
    ids=['object', 'str', 'bytes'],
)  # fmt: skip
@pytest.mark.parametrize('key', ['key', b'key'], ids=['str', 'bytes'])
def test_publish_to_an_exchange(cluster: Cluster, exchange: Any, key: Any) -> None:
    collector = Collector()
    queue = Queue('topic', exchange=Exchange('amq.topic', b'topic'), routing_key='key')
    consume(cluster, queue, collector)
    future = cluster.publish(M, exchange, key, confirm=True)
    assert future is not None
    assert future.result(PATIENCE) is None
    (message,) = collector.wait_for(1)
    assert (message.exchange_name, message.routing_key) == (b'amq.topic', b'key')


@pytest.mark.parametrize('exchange', [None, '', b'', Exchange.direct, Exchange()])
def test_publish_to_the_default_exchange(cluster: Cluster, exchange: Any) -> None:
    collector = Collector()
    consume(cluster, Queue('direct', auto_delete=True), collector)
    cluster.publish(M, exchange, 'direct')
    (message,) = collector.wait_for(1)
    assert message.exchange_name == b''


# -- argument orders: (exchange, routing key) and what comes after them

ORDERS: dict[str, tuple[tuple[Any, ...], dict[str, Any], bool]] = {
    # the rest by position, by keyword, whether that asks for a confirm
    'nothing': ((), {}, False),
    '1.x tx, confirm': ((None, True), {}, True),
    '1.x tx, confirm=False': ((None, False), {}, False),
    '1.x tx, confirm, span': ((None, True, SPAN), {}, True),
    '1.x all': ((None, True, SPAN, True), {}, True),
    '1.x all without a span': ((None, True, None, False), {}, True),
    '1.x tx=False, confirm': ((False, True), {}, True),
    '2.x confirm': ((True,), {}, True),
    '2.x confirm=False': ((False,), {}, False),
    '2.x confirm, span': ((True, SPAN), {}, True),
    '2.x confirm, no span': ((True, None), {}, True),
    '2.x all': ((True, SPAN, True), {}, True),
    '2.x all without a span': ((True, None, True), {}, True),
    '2.x no confirm, span': ((None, SPAN), {}, False),
    '2.x no confirm, all': ((None, SPAN, True), {}, False),
    '2.x no confirm, no span, dont_trace': ((None, None, True), {}, False),
    'confirm by keyword': ((), {'confirm': True}, True),
    'confirm and span by keyword': ((), {'confirm': True, 'span': SPAN}, True),
    'all by keyword': ((), {'confirm': True, 'span': SPAN, 'dont_trace': True}, True),
    'no confirm by keyword': ((), {'confirm': False, 'dont_trace': True}, False),
    'tx=None by keyword': ((), {'tx': None, 'confirm': True}, True),
}


@pytest.mark.parametrize(('rest', 'keywords', 'confirm'), ORDERS.values(), ids=ORDERS)
def test_publish_in_the_argument_orders_of_1x_and_2x(
    untyped: Any, rest: tuple[Any, ...], keywords: dict[str, Any], confirm: bool
) -> None:
    collector = Collector()
    consume(untyped, Queue('orders', auto_delete=True), collector)
    with warnings.catch_warnings():
        # A bool in the fourth place may be `tx`, which is deprecated; it means the same.
        warnings.simplefilter('ignore', DeprecationWarning)
        future = untyped.publish(M, '', 'orders', *rest, **keywords)

    assert (future is not None) == confirm
    if confirm:
        assert future.result(PATIENCE) is None
    collector.wait_for(1)


def test_publish_everything_by_keyword(untyped: Any) -> None:
    future = untyped.publish(
        message=M, exchange='', routing_key='nowhere', confirm=True, span=None, dont_trace=False
    )
    assert future.result(PATIENCE) is None


@pytest.mark.parametrize(('tx', 'confirm'), [(True, True), (False, False)])
def test_publish_tx_is_an_old_name_of_confirm(untyped: Any, tx: bool, confirm: bool) -> None:
    with pytest.warns(DeprecationWarning, match=r'tx.*confirm') as caught:
        future = untyped.publish(M, routing_key='nowhere', tx=tx)
    assert caught[0].filename == __file__
    assert (future is not None) == confirm
    if confirm:
        assert future.result(PATIENCE) is None
