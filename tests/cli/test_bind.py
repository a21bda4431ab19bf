"""`coolamqp bind` and `coolamqp unbind`."""

from __future__ import annotations

from coolamqp.broker import Broker
from coolamqp.clustering import Cluster
from coolamqp.objects import Message
from tests.cli.command import Command


def publish(broker: Broker, exchange: str, routing_key: str) -> None:
    with Cluster(broker.url) as cluster:
        cluster.publish(Message(b'm'), exchange, routing_key, confirm=True).result(10)


def test_a_queue_receives_what_it_is_bound_to(coolamqp: Command, broker: Broker) -> None:
    coolamqp('declare', 'queue', 'jobs')

    ended = coolamqp('bind', 'jobs', 'amq.topic', 'images.*')
    assert (ended.status, ended.out) == (0, "bound jobs, amq.topic, 'images.*'\n")
    publish(broker, 'amq.topic', 'images.png')
    assert len(broker.queue('jobs')) == 1

    assert coolamqp('unbind', 'jobs', 'amq.topic', 'images.*', '--json').record == {
        'unbound': 'jobs',
        'source': 'amq.topic',
        'routing_key': 'images.*',
    }
    publish(broker, 'amq.topic', 'images.png')
    assert len(broker.queue('jobs')) == 1


def test_an_exchange_is_bound_to_an_exchange(coolamqp: Command, broker: Broker) -> None:
    coolamqp('declare', 'queue', 'jobs')
    coolamqp('bind', 'jobs', 'amq.fanout')
    coolamqp('bind', 'amq.fanout', 'amq.topic', '#', '--exchange')
    publish(broker, 'amq.topic', 'x')
    coolamqp('unbind', 'amq.fanout', 'amq.topic', '#', '--exchange')
    publish(broker, 'amq.topic', 'x')

    assert len(broker.queue('jobs')) == 1


def test_a_binding_has_arguments(coolamqp: Command, broker: Broker) -> None:
    coolamqp('declare', 'queue', 'jobs')
    coolamqp('bind', 'jobs', 'amq.headers', '-a', 'x-match=any', '-a', 'size=3')

    assert 'size' in broker.topology()


def test_an_unknown_queue_is_reported(coolamqp: Command) -> None:
    ended = coolamqp('bind', 'nowhere', 'amq.topic', '#')

    assert ended.status == 1
    assert "404: NOT_FOUND - no queue 'nowhere'" in ended.error
