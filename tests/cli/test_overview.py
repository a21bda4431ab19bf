"""The live view of `coolamqp broker`."""

from __future__ import annotations

from typing import Any

from coolamqp.broker import Broker, QueueCounts
from coolamqp.cli.overview import CONNECTION_COLUMNS, QUEUE_COLUMNS, Overview
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def queue(name: str = 'q', **counts: Any) -> QueueCounts:
    values: dict[str, Any] = {
        'vhost': '/', 'kind': 'classic', 'ready': 0, 'unacked': 0, 'consumers': 0,
        'published': 0, 'delivered': 0,
    }  # fmt: skip
    return QueueCounts(name=name, **values | counts)


def rates_of(overview: Overview, *queues: QueueCounts) -> list[tuple[int, int]]:
    return [(each.incoming, each.outgoing) for each in overview.rates(list(queues))]


def test_rates_are_those_since_the_last_look() -> None:
    clock = Clock()
    overview = Overview(clock)
    clock.now += 2
    assert rates_of(overview, queue(published=100, delivered=10)) == [(50, 5)]
    clock.now += 0.5
    assert rates_of(overview, queue(published=200, delivered=10)) == [(200, 0)]


def test_a_queue_that_was_deleted_and_declared_again_counts_from_zero() -> None:
    clock = Clock()
    overview = Overview(clock)
    clock.now += 1
    rates_of(overview, queue(published=100, delivered=100))
    clock.now += 1
    assert rates_of(overview, queue(published=30, delivered=20)) == [(30, 20)]
    clock.now += 1
    assert rates_of(overview) == []
    clock.now += 1
    assert rates_of(overview, queue(published=30, delivered=20)) == [(30, 20)]


def test_queues_of_the_same_name_are_told_apart_by_their_virtual_host() -> None:
    clock = Clock()
    overview = Overview(clock)
    queues = queue(published=10), queue(vhost='other', published=500)
    clock.now += 1
    assert rates_of(overview, *queues) == [(10, 0), (500, 0)]
    clock.now += 1
    assert rates_of(overview, *queues) == [(0, 0), (0, 0)]


def test_without_time_there_are_no_rates() -> None:
    assert rates_of(Overview(Clock()), queue(published=10)) == [(0, 0)]


def test_the_tables_show_queues_with_rates_and_connections(broker: Broker) -> None:
    clock = Clock()
    overview = Overview(clock)
    with Cluster(broker.url, name='me') as cluster:
        for name in ('one', 'two'):
            cluster.declare(Queue(name, durable=True)).result(10)
            for _ in range(4):
                cluster.publish(Message(b'x'), routing_key=name, confirm=True).result(10)
        cluster.get('one').result(10)
        clock.now += 2
        (title, columns, queues), (connected, names, connections) = overview.tables(broker)

    assert title == 'queues (2): 7 messages ready, 4 messages/s in, 0 messages/s out'
    assert columns == QUEUE_COLUMNS
    assert queues == [
        ('/', 'one', 'classic', 3, 1, 0, 2, 0),
        ('/', 'two', 'classic', 4, 0, 0, 2, 0),
    ]
    assert (connected, names) == ('connections (1)', CONNECTION_COLUMNS)
    assert [(row[0], row[2], row[3]) for row in connections] == [('me', 'guest', '/')]
