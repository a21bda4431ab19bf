"""Transactions: all messages are published, or none."""

from __future__ import annotations

from contextlib import suppress

import pytest

from coolamqp.aio import Cluster
from coolamqp.exceptions import AMQPError, Returned
from coolamqp.objects import Message, Queue
from tests.both.conftest import MakeCluster
from tests.both.support import content_of
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration

QUEUE = Queue('q', durable=True)


async def test_a_transaction_publishes_all_or_nothing(cluster: Cluster) -> None:
    await cluster.declare(QUEUE)
    async with cluster.transaction(timeout=30) as tx:
        tx.publish(Message(b'1'), routing_key='q')
        tx.publish(Message(b'2'), routing_key='q')
        assert await cluster.get('q', no_ack=True) is None
    with suppress(ZeroDivisionError):
        async with cluster.transaction() as tx:
            tx.publish(Message(b'3'), routing_key='q')
            raise ZeroDivisionError
    async with cluster.transaction():
        pass
    assert await content_of(cluster, 'q') == [b'1', b'2']


async def publish_together(cluster: Cluster, *messages: tuple[str, str, bytes]) -> None:
    """Publish messages, each with its exchange and routing key, in a transaction."""
    async with cluster.transaction() as tx:
        for exchange, key, body in messages:
            tx.publish(Message(body), exchange, key, mandatory=True)


async def test_a_transaction_that_is_refused_publishes_nothing_and_hurts_no_other(
    cluster: Cluster,
) -> None:
    await cluster.declare(QUEUE)
    with pytest.raises(AMQPError, match='no exchange'):
        await publish_together(cluster, ('', 'q', b'1'), ('missing', '', b'2'))
    with pytest.raises(Returned) as raised:
        await publish_together(cluster, ('', 'q', b'3'), ('', 'nowhere', b'4'))
    assert raised.value.message.body == b'4'
    assert await content_of(cluster, 'q') == [b'3']


async def test_a_commit_that_takes_too_long_is_told_and_not_made_later(
    cluster: Cluster, make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    await cluster.declare(QUEUE)
    proxy.refuse()
    offline = make_cluster(port=proxy.port)
    await offline.start(wait=False)
    with pytest.raises(TimeoutError):
        async with offline.transaction(timeout=0.01) as tx:
            tx.publish(Message(b'late'), routing_key='q')
    proxy.accept()
    async with offline.transaction() as tx:
        tx.publish(Message(b'in time'), routing_key='q')
    assert await content_of(cluster, 'q') == [b'in time']
