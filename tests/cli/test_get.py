"""`coolamqp get` and `coolamqp peek`."""

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
        messages = [Message(b'%d' % number, type_=f't{number}') for number in range(3)]
        cluster.publish_many(messages, routing_key='jobs')
        cluster.wait_for_confirms(10)


def left(broker: Broker) -> list[bytes]:
    assert broker.queue('jobs').unacked == 0
    return broker.queue('jobs').bodies


def test_it_takes_one_or_some_or_all(coolamqp: Command, broker: Broker) -> None:
    assert coolamqp('get', 'jobs').out == '0\n'
    assert coolamqp('get', 'jobs', '-n', '1', '--json').record['properties']['type'] == 't1'
    assert left(broker) == [b'2']
    assert coolamqp('get', 'jobs', '--all').out == '2\n'
    empty = coolamqp('get', 'jobs')
    assert (empty.status, empty.out, empty.error) == (4, '', '')


def test_it_takes_those_that_match(coolamqp: Command, broker: Broker) -> None:
    assert coolamqp('get', 'jobs', '--where', 'type=t1').out == '1\n'
    assert coolamqp('get', 'jobs', '--where', 'type=t9').status == 4
    assert left(broker) == [b'0', b'2']


def test_it_requeues_or_rejects(coolamqp: Command, broker: Broker) -> None:
    assert coolamqp('get', 'jobs', '--requeue').out == '0\n'
    assert coolamqp('get', 'jobs', '--reject').out == '0\n'
    assert left(broker) == [b'1', b'2']


def test_a_peek_leaves_everything(coolamqp: Command, broker: Broker) -> None:
    assert coolamqp('peek', 'jobs', '-F', 'raw').out == '012'
    assert coolamqp('peek', 'jobs', '-n', '2').out == '0\n1\n'
    assert coolamqp('peek', 'jobs', '--where', 'type=t2').out == '2\n'
    assert left(broker) == [b'0', b'1', b'2']


def test_a_stream_is_not_for_them(coolamqp: Command) -> None:
    coolamqp('declare', 'queue', 'log', '--type', 'stream')

    ended = coolamqp('get', 'log')
    assert ended.status == 1
    assert ended.error.count('\n') == 1
    assert 'coolamqp consume QUEUE --offset first' in ended.error


@pytest.mark.integration
def test_on_the_broker_of_the_suite(on_suite_broker: Command) -> None:
    on_suite_broker('declare', 'queue', 'q')
    on_suite_broker('publish', 'q', 'a', 'b')
    assert on_suite_broker('peek', 'q').out == 'a\nb\n'
    assert on_suite_broker('get', 'q', '--all').out == 'a\nb\n'
