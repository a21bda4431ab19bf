"""Which queues receive a message: the types of exchanges, and exchanges behind exchanges."""

from __future__ import annotations

from typing import Any

from tests.behaviour.client import RawChannel


def routed(channel: RawChannel, exchange: str, key: str, **properties: Any) -> bool:
    """Whether an exchange routes a message to at least one queue."""
    channel.publish(b'', exchange, key, mandatory=True, **properties)
    channel.publish(b'', '', 'no such queue', mandatory=True)
    if channel.expect_return().routing_key == 'no such queue':
        return True
    assert channel.expect_return().routing_key == 'no such queue'
    return False


# -- the default exchange


def test_the_default_exchange_routes_to_the_queue_of_the_name(channel: RawChannel) -> None:
    channel.queue('a')
    channel.queue('b')

    channel.put('b', b'body')

    message = channel.must_get('b')
    assert (message.exchange, message.routing_key) == ('', 'b')
    assert channel.count('a') == 0


# -- direct and fanout


def test_a_direct_exchange_copies_to_all_queues_with_the_key(channel: RawChannel) -> None:
    for queue in ('a', 'b', 'c'):
        channel.bind(channel.queue(queue), 'amq.direct', 'one' if queue != 'c' else 'other')

    channel.put('one', b'body', exchange='amq.direct')

    assert [channel.bodies(queue) for queue in ('a', 'b', 'c')] == [[b'body'], [b'body'], []]


def test_two_bindings_to_one_queue_deliver_once(channel: RawChannel) -> None:
    channel.exchange('e', 'topic')
    channel.queue('q')
    for key in ('a.*', '*.b', 'a.b', '#'):
        channel.bind('q', 'e', key)

    channel.put('a.b', b'body', exchange='e')

    assert channel.bodies('q') == [b'body']


def test_a_fanout_exchange_ignores_keys(channel: RawChannel) -> None:
    channel.bind(channel.queue('a'), 'amq.fanout', 'key')
    channel.bind(channel.queue('b'), 'amq.fanout', '')

    channel.put('anything', b'body', exchange='amq.fanout')

    assert channel.bodies('a') == channel.bodies('b') == [b'body']


def test_an_exchange_without_bindings_routes_nowhere(channel: RawChannel) -> None:
    for exchange in ('amq.direct', 'amq.fanout', 'amq.topic', 'amq.headers'):
        assert not routed(channel, exchange, 'key')


# -- exchanges behind exchanges


def test_a_message_goes_through_exchanges_of_several_types(channel: RawChannel) -> None:
    channel.bind(channel.queue('q'), 'amq.direct', 'a.b')
    channel.bind_exchange('amq.direct', 'amq.topic', 'a.*')
    channel.bind_exchange('amq.topic', 'amq.fanout')

    channel.put('a.b', b'1', exchange='amq.fanout')
    channel.put('a.c', b'2', exchange='amq.fanout')

    message = channel.must_get('q')
    assert (message.body, message.exchange, message.routing_key) == (b'1', 'amq.fanout', 'a.b')
    assert channel.get('q') is None


def test_two_ways_to_one_queue_deliver_once(channel: RawChannel) -> None:
    channel.bind(channel.queue('q'), channel.exchange('end', 'fanout'))
    for middle in ('one', 'two'):
        channel.bind_exchange('end', channel.exchange(middle, 'fanout'))
        channel.bind_exchange(middle, 'amq.fanout')
    channel.bind('q', 'amq.fanout')

    channel.put('', b'body', exchange='amq.fanout')

    assert channel.bodies('q') == [b'body']


def test_a_circle_of_exchanges_delivers_once(channel: RawChannel) -> None:
    for exchange in ('a', 'b', 'c'):
        channel.exchange(exchange, 'fanout')
    for source, destination in (('a', 'b'), ('b', 'c'), ('c', 'a'), ('a', 'a')):
        channel.bind_exchange(destination, source)
    channel.bind(channel.queue('q'), 'c')

    channel.put('', b'body', exchange='b')
    channel.put('', b'body', exchange='a')

    assert channel.bodies('q') == [b'body', b'body']


# -- CC and BCC


def test_cc_and_bcc_route_to_more_keys(channel: RawChannel) -> None:
    for queue in ('to', 'cc1', 'cc2', 'bcc'):
        channel.queue(queue)

    channel.put('to', b'body', headers={'CC': ['cc1', 'cc2'], 'BCC': ['bcc'], 'other': 1})

    for queue in ('to', 'cc1', 'cc2', 'bcc'):
        message = channel.must_get(queue)
        assert message.routing_key == 'to'
        assert message.headers == {'CC': ['cc1', 'cc2'], 'other': 1}


def test_cc_through_an_exchange_of_topics(channel: RawChannel) -> None:
    channel.bind(channel.queue('q'), 'amq.topic', 'b.*')

    channel.put('a', b'body', exchange='amq.topic', headers={'CC': ['b.c', 'b.d']})

    assert channel.bodies('q') == [b'body']


def test_a_message_with_a_cc_that_is_routed_is_not_returned(channel: RawChannel) -> None:
    channel.queue('q')

    assert routed(channel, '', 'nowhere', headers={'CC': ['q']})
    assert not routed(channel, '', 'nowhere', headers={'CC': ['nowhere else']})


def test_a_queue_in_key_and_cc_receives_once(channel: RawChannel) -> None:
    channel.queue('q')

    channel.put('q', b'body', headers={'CC': ['q'], 'BCC': ['q']})

    assert channel.bodies('q') == [b'body']
