"""`coolamqp delete` and `coolamqp purge`."""

from __future__ import annotations

import pytest

from coolamqp.broker import Broker
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue
from tests.cli.command import Command


@pytest.fixture(autouse=True)
def three_messages(broker: Broker) -> None:
    with Cluster(broker.url) as cluster:
        cluster.declare(Queue('jobs', durable=True)).result(10)
        cluster.publish_many([Message(b'm')] * 3, routing_key='jobs')
        cluster.wait_for_confirms(10)


def test_a_purge_counts(coolamqp: Command, broker: Broker) -> None:
    assert coolamqp('purge', 'jobs').out == 'removed 3 messages from jobs\n'
    assert coolamqp('purge', 'jobs', '--json').record == {'purged': 'jobs', 'messages': 0}
    assert broker.queue('jobs').is_empty


def test_a_queue_is_deleted_if_it_may_be(coolamqp: Command, broker: Broker) -> None:
    kept = coolamqp('delete', 'queue', 'jobs', '--if-empty')
    assert kept.status == 1
    assert '406' in kept.error
    assert broker.queues() == ['jobs']

    assert coolamqp('delete', 'queue', 'jobs').out == 'deleted queue jobs\n'
    assert broker.queues() == []
    assert coolamqp('delete', 'queue', 'jobs').status == 0


def test_an_exchange_is_deleted(coolamqp: Command, broker: Broker) -> None:
    coolamqp('declare', 'exchange', 'events')
    coolamqp('bind', 'jobs', 'events')

    assert coolamqp('delete', 'exchange', 'events', '--if-unused').status == 1
    assert coolamqp('delete', 'exchange', 'events').status == 0
    assert 'events' not in broker.topology()
