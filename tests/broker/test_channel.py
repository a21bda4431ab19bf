"""A channel: deliveries, tags, prefetch counts, and what has become of each message."""

from __future__ import annotations

from coolamqp.framing.definitions import (
    BasicAck,
    BasicCancel,
    BasicConsume,
    BasicNack,
    BasicQos,
    BasicRecover,
    BasicReject,
    ChannelClose,
    QueueDelete,
)
from coolamqp.framing.properties import BasicContentPropertyList
from tests.broker.rig import Client, Rig

BODIES = [b'%d' % number for number in range(1, 6)]


def fill(client: Client, queue: str = 'q') -> None:
    client.declare(queue)
    for body in BODIES:
        client.publish(body, queue)


def test_delivery_tags_count_the_deliveries_of_a_channel(client: Client) -> None:
    fill(client)
    client.get('q', no_ack=True)
    client.consume('q')

    assert [each.tag for each in client.deliveries()] == [2, 3, 4, 5]


def test_an_ack_of_several(rig: Rig, client: Client) -> None:
    fill(client)
    client.consume('q')
    client.ack(2, multiple=True)
    assert rig.unacked('q') == 3
    client.ack(4)
    client.ack(5, multiple=True)
    assert rig.unacked('q') == 0


def test_an_ack_of_all(rig: Rig, client: Client) -> None:
    fill(client)
    client.consume('q')
    client.ack(0, multiple=True)
    assert rig.unacked('q') == 0
    client.ack(0, multiple=True)  # of nothing
    client.declare('q')


def test_a_tag_that_is_not_unacked_closes_the_channel(client: Client) -> None:
    fill(client)
    client.consume('q')
    client.ack(3)
    for method in (BasicAck(3), BasicReject(0), BasicNack(6, True, False), BasicAck(2**64 - 1)):
        code, text = client.refused(method)
        assert (code, text[:43]) == (406, 'PRECONDITION_FAILED - unknown delivery tag ')
        client.open_channel(1)
        client.consume('q')


def test_rejected_messages_return_to_their_places(rig: Rig, client: Client) -> None:
    fill(client)
    client.call(BasicQos(0, 5, False))
    tag = client.consume('q')
    client.call(BasicCancel(tag))
    client.send(BasicReject(4, True), BasicNack(2, True, True))

    assert rig.ready('q') == [b'1', b'2', b'4']
    client.deliveries()
    again = client.get('q')
    assert again is not None
    assert again.redelivered


def test_rejected_messages_are_dropped(rig: Rig, client: Client) -> None:
    fill(client)
    client.consume('q')
    client.send(BasicReject(1, False), BasicNack(3, True, False))

    assert rig.unacked('q') == 2
    assert rig.ready('q') == []


def test_a_closed_channel_returns_its_messages(rig: Rig, client: Client) -> None:
    fill(client)
    client.consume('q')
    client.call(ChannelClose(200, '', 0, 0))

    assert rig.ready('q') == BODIES
    assert not len(rig.queue('q').consumers)


def test_recover_delivers_again(client: Client) -> None:
    fill(client)
    client.consume('q')
    client.deliveries()
    client.ack(2)
    client.call(BasicRecover(True))

    again = client.deliveries()
    assert [each.body for each in again] == [b'1', b'3', b'4', b'5']
    assert [each.tag for each in again] == [6, 7, 8, 9]
    assert all(each.redelivered for each in again)


def test_a_consumer_has_its_prefetch_count(client: Client) -> None:
    fill(client)
    client.call(BasicQos(0, 2, False))
    client.consume('q')
    assert client.bodies() == [b'1', b'2']

    client.ack(1)
    assert client.bodies() == [b'3']
    client.ack(0, multiple=True)
    assert client.bodies() == [b'4', b'5']


def test_consumers_share_the_prefetch_count_of_a_channel(client: Client) -> None:
    fill(client)
    client.call(BasicQos(0, 3, True))
    client.consume('q', 'a')
    client.consume('q', 'b')
    assert len(client.deliveries()) == 3

    client.ack(1)
    assert client.bodies() == [b'4']
    client.call(BasicQos(0, 0, True))
    assert client.bodies() == [b'5']


def test_a_got_message_does_not_count_for_the_prefetch_count(client: Client) -> None:
    fill(client)
    client.call(BasicQos(0, 2, True))
    client.get('q')
    client.consume('q')

    assert client.bodies() == [b'2', b'3']


def test_an_ack_on_one_queue_lets_another_deliver(client: Client) -> None:
    fill(client, 'q1')
    fill(client, 'q2')
    client.call(BasicQos(0, 5, True))
    client.consume('q1')
    client.consume('q2')
    assert client.bodies() == BODIES

    client.ack(5, multiple=True)
    assert client.bodies() == BODIES


def test_a_deleted_queue_cancels_its_consumers(rig: Rig, client: Client) -> None:
    fill(client)
    other = rig.connect(capabilities={})
    for each in (client, other):
        each.consume('q', 'tag')
    client.take()
    other.take()
    client.call(QueueDelete('q'))

    assert client.take() == [BasicCancel(b'tag', True)]
    assert not other.received
    client.ack(1)
    other.send(BasicNack(1, True, True))
    client.declare('q')
    client.consume('q', 'tag')


def test_a_body_is_cut_into_frames(rig: Rig) -> None:
    client = rig.connect(frame_max=4096)
    client.declare('q')
    for size in (0, 1, 4088, 4089, 20_000):
        client.publish(bytes(size), 'q')
    client.consume('q', no_ack=True)

    assert [len(body) for body in client.bodies()] == [0, 1, 4088, 4089, 20_000]


def test_a_got_message_tells_how_many_are_left(client: Client) -> None:
    fill(client)
    message = client.get('q')

    assert message is not None
    assert message.method.message_count == 4
    assert (message.exchange, message.routing_key, message.body) == ('', 'q', b'1')


def test_the_properties_arrive_as_they_were_published(client: Client) -> None:
    client.declare('q')
    client.publish(b'x', 'q', headers={'a': [1, {'b': True}]}, priority=3, app_id='app')
    message = client.get('q')

    assert message is not None
    expected = BasicContentPropertyList(headers={'a': [1, {'b': True}]}, priority=3, app_id='app')
    assert message.properties == expected


def test_a_congested_connection_gets_no_deliveries_until_it_has_read(
    rig: Rig, client: Client
) -> None:
    client.declare('q')
    for _ in range(40):
        client.publish(bytes(100_000), 'q')
    consumer = rig.connect()
    consumer.reads = False
    consumer.send(BasicConsume('q', no_ack=True))
    assert len(rig.ready('q')) == 29  # a little over a megabyte is on its way

    client.consume('q', no_ack=True)
    assert len(client.deliveries()) == 29
    for _ in range(20):
        client.publish(b'x', 'q')
    consumer.read_again()
    client.publish(b'y', 'q')
    client.publish(b'z', 'q')
    assert [len(body) for body in consumer.bodies()] == [*[100_000] * 11, 1]
