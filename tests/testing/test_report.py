"""What the report of a failing test says of the broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coolamqp.broker import Broker
from coolamqp.clustering import Cluster
from coolamqp.exceptions import AMQPError
from coolamqp.objects import Exchange, Message, Queue
from coolamqp.testing.report import FRAMES_MAX, describe_broker

PATIENCE = 10.0


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as broker:
        broker.record()
        yield broker


@pytest.fixture
def cluster(broker: Broker) -> Iterator[Cluster]:
    with Cluster(broker.url, name='billing') as cluster:
        yield cluster


def section(text: str, title: str) -> list[str]:
    """Return the lines of one section."""
    _, _, rest = text.partition(f'\n{title}:\n')
    lines = []
    for line in rest.splitlines():
        if not line.startswith('  '):
            break
        lines.append(line[2:])
    return lines


def test_it_says_where_the_broker_is_and_that_nothing_has_happened(broker: Broker) -> None:
    assert describe_broker(broker).splitlines() == [
        f'embedded broker at 127.0.0.1:{broker.port}',
        'connections:',
        '  none',
        'topology:',
        '  none',
        'messages that were published:',
        '  none',
        'last frames:',
        '  none',
    ]


def test_it_lists_connections_those_that_have_ended_too(broker: Broker, cluster: Cluster) -> None:
    with Cluster(broker.url, name='shop'):
        pass
    with pytest.raises(AMQPError):
        cluster.declare(Exchange('amq.mine')).result(PATIENCE)

    billing, shop = section(describe_broker(broker), 'connections')

    assert billing.startswith('billing from 127.0.0.1:')
    assert "guest in '/', channels: " in billing
    assert shop.endswith('ended, the client closed it')


def test_it_shows_the_topology_of_all_virtual_hosts(broker: Broker, cluster: Cluster) -> None:
    cluster.declare(Queue('orders', durable=True)).result(PATIENCE)
    broker.add_vhost('other')

    text = describe_broker(broker)

    assert section(text, 'topology') == [
        "queue 'orders' (classic, durable): 0 ready, 0 unacked, 0 consumers"
    ]
    assert section(text, "topology of 'other'") == ['none']


def test_it_shows_the_last_messages(broker: Broker, cluster: Cluster) -> None:
    for number in range(12):
        message = Message(b'%d' % number)
        cluster.publish(message, routing_key='orders', confirm=True).result(PATIENCE)

    lines = section(describe_broker(broker), 'messages that were published')

    assert lines[0] == '... and 2 before'
    assert lines[1] == "exchange '', routing key 'orders': b'2'"
    assert len(lines) == 11


def test_it_shows_the_last_frames(broker: Broker, cluster: Cluster) -> None:
    cluster.publish(Message(b'one'), routing_key='orders', confirm=True).result(PATIENCE)

    lines = section(describe_broker(broker), 'last frames')

    assert len(lines) <= FRAMES_MAX
    *_, publish, _, body, ack = (line.partition(' s  ')[2] for line in lines)
    assert publish.startswith('billing -> channel ')
    assert "basic.publish routing_key='orders'" in publish
    assert body.endswith("body b'one'")
    assert ack.startswith('billing <- ')
    assert 'basic.ack delivery_tag=1' in ack


def test_it_shows_the_faults_that_are_on(broker: Broker) -> None:
    broker.freeze()
    broker.nack_next(2)

    assert section(describe_broker(broker), 'faults') == ['frozen', 'publications to refuse: 2']


def test_long_lines_are_cut(broker: Broker, cluster: Cluster) -> None:
    cluster.declare(Queue('q' * 250)).result(PATIENCE)

    assert max(len(line) for line in describe_broker(broker).splitlines()) <= 163


def test_an_error_does_not_hide_the_failure_of_the_test(broker: Broker) -> None:
    broker.stop()

    assert 'the rest is missing: RuntimeError' in describe_broker(broker)
