"""What a test may see of a broker."""

from __future__ import annotations

from coolamqp.broker.views import (
    QueueCounts,
    count_queue,
    describe,
    see_connection,
    see_message,
    see_queue,
)
from coolamqp.framing.definitions import BasicQos, BasicRecover, ExchangeBind
from tests.broker.rig import Client, Rig


def test_a_message(rig: Rig, client: Client) -> None:
    client.publish(b'x', 'k', 'amq.direct', headers={'a': [1]}, app_id='app')
    seen = see_message(next(iter(rig.state.published)))

    assert (seen.exchange, seen.routing_key, seen.body) == ('amq.direct', 'k', b'x')
    assert seen.headers == {'a': [1]}
    assert seen.properties.app_id == b'app'


def test_a_queue(rig: Rig, client: Client) -> None:
    client.declare('q', {'x-max-length': 5}, exclusive=True)
    for body in (b'1', b'2', b'3'):
        client.publish(body, 'q')
    client.call(BasicQos(0, 1, False))
    tag = client.consume('q')
    seen = see_queue(rig.queue('q'))

    assert (seen.name, seen.kind, seen.bodies, len(seen)) == ('q', 'classic', [b'2', b'3'], 2)
    assert (seen.unacked, seen.consumers) == (1, [tag])
    assert (seen.durable, seen.exclusive, seen.auto_delete) == (True, True, False)
    assert seen.arguments == {'x-max-length': 5}


def test_a_stream(rig: Rig, client: Client) -> None:
    client.declare('s', {'x-queue-type': 'stream'})
    client.publish(b'x', 's')
    seen = see_queue(rig.queue('s'))

    assert (seen.kind, seen.bodies, seen.unacked) == ('stream', [b'x'], 0)


def test_the_counts_of_a_queue(rig: Rig, client: Client) -> None:
    client.declare('q', {'x-max-length': 2, 'x-overflow': 'reject-publish'})
    for body in (b'1', b'2', b'is refused'):
        client.publish(body, 'q')
    client.call(BasicQos(0, 1, False))
    client.consume('q')

    assert count_queue(rig.vhost, rig.queue('q')) == QueueCounts(
        '/', 'q', 'classic', ready=1, unacked=1, consumers=1, published=2, delivered=1
    )


def test_redeliveries_and_messages_of_basic_get_count_as_delivered(
    rig: Rig, client: Client
) -> None:
    client.declare('q')
    client.publish(b'x', 'q')
    client.get('q')
    client.call(BasicRecover(requeue=True))
    client.consume('q')

    counts = count_queue(rig.vhost, rig.queue('q'))
    assert (counts.published, counts.delivered, counts.unacked) == (1, 2, 1)


def test_the_counts_of_a_stream(rig: Rig, client: Client) -> None:
    client.declare('s', {'x-queue-type': 'stream'})
    for _ in range(3):
        client.publish(b'x', 's')
    client.call(BasicQos(0, 2, False))
    client.consume('s', arguments={'x-stream-offset': 'first'})

    assert count_queue(rig.vhost, rig.queue('s')) == QueueCounts(
        '/', 's', 'stream', ready=3, unacked=0, consumers=1, published=3, delivered=2
    )


def test_a_connection(rig: Rig) -> None:
    client = rig.accept()
    early = see_connection(client.connection)
    assert (early.peer, early.user, early.vhost, early.channels) == ('rig', '', '', [])

    client.shake_hands()
    client.open_channel(7)
    client.open_channel(3)
    seen = see_connection(client.connection)
    assert (seen.name, seen.user, seen.vhost, seen.channels) == ('rig', 'guest', '/', [3, 7])


def test_the_topology_as_text(rig: Rig, client: Client) -> None:
    client.exchange('x', 'topic', durable=True)
    client.exchange('y', auto_delete=True)
    client.declare('q')
    client.bind('q', 'x', 'a.#', {'h': 1})
    client.call(ExchangeBind('y', 'amq.direct', 'k'))
    client.publish(b'x', 'q')

    assert describe(rig.vhost).splitlines() == [
        "exchange 'amq.direct' (direct, durable)",
        "  'k' -> exchange 'y'",
        "exchange 'x' (topic, durable)",
        "  'a.#' -> queue 'q' {'h': 1}",
        "exchange 'y' (fanout, auto_delete)",
        "queue 'q' (classic, durable): 1 ready, 0 unacked, 0 consumers",
    ]
