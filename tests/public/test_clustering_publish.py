"""coolamqp.clustering.Cluster, row by row: publish."""

from __future__ import annotations

import warnings
from concurrent.futures import CancelledError
from typing import Any

import pytest
from opentracing.mocktracer import MockTracer

from coolamqp.clustering import Cluster, ConnectionLost
from coolamqp.exceptions import AMQPError, CoolAMQPError
from coolamqp.objects import Exchange, Message, Queue
from tests.conftest import MakeCluster
from tests.integration.support import PATIENCE, Collector, await_reconnect, confirmed, consume
from tests.support.ports import free_port
from tests.support.proxy import FaultProxy

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


# -- with confirm


def test_publish_confirmed_ends_with_the_reason_why_not(cluster: Cluster) -> None:
    future = cluster.publish(M, 'missing', 'key', confirm=True)
    assert future is not None
    error = future.exception(PATIENCE)
    assert isinstance(error, AMQPError)
    assert error.reply_code == 404
    assert cluster.connected


def test_publish_confirmed_ends_with_a_nack(cluster: Cluster) -> None:
    arguments = {'x-max-length': 1, 'x-overflow': 'reject-publish'}
    cluster.declare(Queue('full', arguments=arguments)).result(PATIENCE)
    assert confirmed(cluster, b'', 'full').exception(PATIENCE) is None
    error = confirmed(cluster, b'', 'full').exception(PATIENCE)
    assert isinstance(error, CoolAMQPError)
    assert 'nack' in str(error)


def test_publish_confirmed_and_cancelled_in_time_is_not_sent(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    proxy.refuse()
    cluster = make_cluster(port=proxy.port)
    cluster.start(wait=False)
    collector = Collector()
    _, consuming = cluster.consume(Queue('cancelled', auto_delete=True), collector)
    futures = [confirmed(cluster, body, 'cancelled') for body in (b'1', b'2', b'3')]
    assert futures[1].cancel()
    proxy.accept()
    consuming.result(PATIENCE)

    assert futures[1].cancelled()
    with pytest.raises(CancelledError):
        futures[1].result(PATIENCE)
    assert futures[0].result(PATIENCE) is futures[2].result(PATIENCE) is None
    assert not futures[0].cancel()
    confirmed(cluster, b'last', 'cancelled').result(PATIENCE)
    collector.wait_until(lambda got: bool(got) and got[-1].body == b'last', 'the last')
    assert b'2' not in collector.bodies


def test_publish_confirmed_is_kept_and_sent_again_across_reconnects(
    through_proxy: Cluster, proxy: FaultProxy
) -> None:
    through_proxy.declare(Queue('kept', durable=True)).result(PATIENCE)
    proxy.refuse()
    proxy.cut()
    assert isinstance(through_proxy.drain(PATIENCE), ConnectionLost)
    futures = [confirmed(through_proxy, b'%d' % number, 'kept') for number in range(10)]
    proxy.accept()

    assert [future.result(PATIENCE) for future in futures] == [None] * 10
    collector = Collector()
    consume(through_proxy, Queue('kept', durable=True), collector)
    collector.wait_for(10)
    assert collector.bodies == [b'%d' % number for number in range(10)]


# -- without


def test_publish_plain_gives_none(cluster: Cluster) -> None:
    collector = Collector()
    consume(cluster, Queue('plain', auto_delete=True), collector)
    assert cluster.publish(M, routing_key='plain') is None
    collector.wait_for(1)


def test_publish_plain_without_a_connection_is_dropped(
    through_proxy: Cluster, proxy: FaultProxy
) -> None:
    through_proxy.declare(Queue('dropped', durable=True)).result(PATIENCE)
    proxy.refuse()
    proxy.cut()
    assert isinstance(through_proxy.drain(PATIENCE), ConnectionLost)
    assert through_proxy.publish(Message(b'dropped'), routing_key='dropped') is None
    proxy.accept()
    await_reconnect(through_proxy)

    collector = Collector()
    consume(through_proxy, Queue('dropped', durable=True), collector)
    confirmed(through_proxy, b'kept', 'dropped').result(PATIENCE)
    collector.wait_for(1)
    assert collector.bodies == [b'kept']


def test_publish_plain_before_there_is_a_connection_is_dropped(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(port=free_port())
    cluster.start(wait=False)
    assert cluster.publish(M, routing_key='nowhere') is None
