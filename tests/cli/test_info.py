"""`coolamqp info`."""

from __future__ import annotations

from coolamqp.broker import Broker
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue
from tests.cli.command import Command


def test_a_queue_is_counted_and_left_alone(coolamqp: Command, broker: Broker) -> None:
    with Cluster(broker.url) as cluster:
        cluster.declare(Queue('jobs', durable=True)).result(10)
        cluster.publish_many([Message(b'm')] * 3, routing_key='jobs')
        cluster.wait_for_confirms(10)

    assert coolamqp('info', 'queue', 'jobs', '--json').record == {
        'queue': 'jobs',
        'messages_ready': 3,
        'consumers': 0,
    }
    assert coolamqp('info', 'queue', 'jobs').out.split() == [
        'queue', 'jobs', 'ready', '3', 'consumers', '0',
    ]  # fmt: skip


def test_an_exchange_exists_or_not(coolamqp: Command) -> None:
    assert coolamqp('info', 'exchange', 'amq.topic', '--json').record['exists'] is True

    ended = coolamqp('info', 'exchange', 'nowhere')
    assert ended.status == 1
    assert ended.error.startswith('coolamqp: the broker refuses: 404: NOT_FOUND - no exchange')


def test_a_missing_queue_is_not_created(coolamqp: Command, broker: Broker) -> None:
    assert coolamqp('info', 'queue', 'nowhere').status == 1
    assert broker.queues() == []
