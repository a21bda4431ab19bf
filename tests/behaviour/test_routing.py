"""Which queues receive a message: the types of exchanges, and exchanges behind exchanges."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from coolamqp.framing.definitions import QueueBind
from tests.behaviour.brokers import BrokerUnderTest, by_version
from tests.behaviour.client import RawChannel
from tests.behaviour.texts import precondition_failed


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


# -- direct


@pytest.mark.parametrize(
    ('binding', 'key', 'matches'),
    [
        ('key', 'key', True),
        ('key', 'Key', False),
        ('key', 'key.more', False),
        ('', '', True),
        ('', 'key', False),
        ('*', 'key', False),
        ('#', 'key', False),
        ('a.*', 'a.*', True),
    ],
)
def test_direct(channel: RawChannel, binding: str, key: str, matches: bool) -> None:
    channel.bind(channel.queue('q'), 'amq.direct', binding)

    assert routed(channel, 'amq.direct', key) == matches


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


# -- fanout


def test_a_fanout_exchange_ignores_keys(channel: RawChannel) -> None:
    channel.bind(channel.queue('a'), 'amq.fanout', 'key')
    channel.bind(channel.queue('b'), 'amq.fanout', '')

    channel.put('anything', b'body', exchange='amq.fanout')

    assert channel.bodies('a') == channel.bodies('b') == [b'body']


def test_an_exchange_without_bindings_routes_nowhere(channel: RawChannel) -> None:
    for exchange in ('amq.direct', 'amq.fanout', 'amq.topic', 'amq.headers'):
        assert not routed(channel, exchange, 'key')


# -- topic


@pytest.mark.parametrize(
    ('pattern', 'key', 'matches'),
    [
        ('a.b.c', 'a.b.c', True),
        ('a.b.c', 'a.b', False),
        ('a.*.c', 'a.b.c', True),
        ('a.*.c', 'a.c', False),
        ('a.*.c', 'a.b.b.c', False),
        ('a.*.c', 'a..c', True),
        ('*', 'a', True),
        ('*', 'a.b', False),
        ('*', '', False),
        ('#', '', True),
        ('#', 'a', True),
        ('#', 'a.b.c', True),
        ('a.#', 'a', True),
        ('a.#', 'a.b.c', True),
        ('a.#', 'b', False),
        ('a.#', 'ab', False),
        ('#.c', 'c', True),
        ('#.c', 'a.b.c', True),
        ('#.c', 'a.b', False),
        ('a.#.c', 'a.c', True),
        ('a.#.c', 'a.b.b.c', True),
        ('a.#.c', 'a.b', False),
        ('#.b.#', 'b', True),
        ('#.b.#', 'a.b.c', True),
        ('#.b.#', 'a.c', False),
        ('*.#', 'a', True),
        ('*.#', '', False),
        ('#.*', 'a.b', True),
        ('#.*', '', False),
        ('*.*', 'a.b', True),
        ('*.*', 'a', False),
        ('#.#', '', True),
        ('', '', True),
        ('', 'a', False),
        ('a.', 'a.', True),
        ('a.', 'a', False),
        ('a.*', 'a.', True),
        ('*.*', '.', True),
        ('a*', 'ab', False),
        ('a*', 'a*', True),
        ('a.b#', 'a.b#', True),
        ('a.B', 'a.b', False),
        ('*.ł.#', 'ó.ł', True),
        ('#.a.*.#', 'x.y.a.b', True),
        ('#.a.*.#', 'x.y.a', False),
        ('a.*', 'a.*', True),
    ],
)
def test_topic(channel: RawChannel, pattern: str, key: str, matches: bool) -> None:
    channel.bind(channel.queue('q'), 'amq.topic', pattern)

    assert routed(channel, 'amq.topic', key) == matches


def test_several_words_of_any_number(broker: BrokerUnderTest, channel: RawChannel) -> None:
    channel.queue('q')
    method = QueueBind('q', 'amq.topic', '#.a.#.b.#')

    if broker.version < (4, 3):
        channel.call(method)
        assert routed(channel, 'amq.topic', 'x.a.y.y.b')
        assert not routed(channel, 'amq.topic', 'x.b.y.a')
    else:
        assert channel.refused(method) == precondition_failed(
            "Topic binding key '#.a.#.b.#' uses 3 '#' wildcards, at most 2 are allowed"
        )


# -- headers

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
ALL: dict[str, Any] = {'a': 1, 'b': 'two'}


@pytest.mark.parametrize(
    ('mode', 'headers', 'matches'),
    [
        (None, {'a': 1, 'b': 'two'}, True),
        (None, {'a': 1}, False),
        ('all', {'a': 1, 'b': 'two', 'c': 3}, True),
        ('all', {'a': 1, 'b': 'three'}, False),
        ('all', {}, False),
        ('any', {'a': 1}, True),
        ('any', {'b': 'two', 'a': 2}, True),
        ('any', {'a': 2, 'b': 2}, False),
        ('any', {'c': 3}, False),
        ('any', {}, False),
        ('all-with-x', {'a': 1, 'b': 'two'}, True),
        ('any-with-x', {'a': 1}, True),
    ],
)
def test_headers(
    channel: RawChannel, mode: str | None, headers: dict[str, Any], matches: bool
) -> None:
    arguments = {**ALL, 'x-match': mode} if mode else ALL
    channel.bind(channel.queue('q'), 'amq.headers', 'ignored', arguments)

    assert routed(channel, 'amq.headers', 'key', headers=headers) == matches


@pytest.mark.parametrize(
    ('mode', 'headers', 'matches'),
    [
        ('all', {'a': 1}, True),
        ('all', {'a': 1, 'x-key': 'other'}, True),
        ('any', {'x-key': 'value'}, False),
        ('any', {'a': 1}, True),
        ('all-with-x', {'a': 1}, False),
        ('all-with-x', {'a': 1, 'x-key': 'value'}, True),
        ('any-with-x', {'x-key': 'value'}, True),
        ('any-with-x', {'x-key': 'other'}, False),
    ],
)
def test_headers_that_begin_with_x(
    channel: RawChannel, mode: str, headers: dict[str, Any], matches: bool
) -> None:
    arguments = {'a': 1, 'x-key': 'value', 'x-match': mode}
    channel.bind(channel.queue('q'), 'amq.headers', '', arguments)

    assert routed(channel, 'amq.headers', '', headers=headers) == matches


@pytest.mark.parametrize(
    ('arguments', 'matches'),
    [({}, True), ({'x-match': 'all'}, True), ({'x-match': 'any'}, False)],
    ids=str,
)
def test_headers_with_nothing_to_match(
    channel: RawChannel, arguments: dict[str, Any], matches: bool
) -> None:
    channel.bind(channel.queue('q'), 'amq.headers', '', arguments)

    assert routed(channel, 'amq.headers', '', headers={'a': 1}) == matches
    assert routed(channel, 'amq.headers', '') == matches


@pytest.mark.parametrize(
    ('bound', 'published', 'matches'),
    [
        (1, (1, 'l'), True),
        ((1, 'b'), (1, 'L'), True),
        (1.5, 1.5, True),
        ((1.5, 'f'), 1.5, True),
        (1, '1', False),
        (True, True, True),
        (True, 1, False),
        (True, 'true', False),
        ('text', 'text', True),
        ('text', 'Text', False),
        ('text', bytearray(b'text'), True),
        (None, None, True),
        (None, 'anything', True),
        (None, 5, True),
        (5, None, False),
        (Decimal('1.50'), Decimal('1.50'), True),
        ([1, 'two'], [1, 'two'], True),
        ([1, 'two'], ['two', 1], False),
        ({'a': 1}, {'a': 1}, True),
        ({'a': 1}, {'a': 2}, False),
    ],
)
def test_values_of_headers(channel: RawChannel, bound: Any, published: Any, matches: bool) -> None:
    channel.bind(channel.queue('q'), 'amq.headers', '', {'key': bound})

    assert routed(channel, 'amq.headers', '', headers={'key': published}) == matches


def test_a_float_equals_an_integer_only_in_old_versions(
    broker: BrokerUnderTest, channel: RawChannel
) -> None:
    channel.bind(channel.queue('q'), 'amq.headers', '', {'key': 1})

    expected = by_version(broker, {(3, 10): True, (4, 0): False})
    assert routed(channel, 'amq.headers', '', headers={'key': 1.0}) == expected


def test_a_timestamp_matches_only_in_old_versions(
    broker: BrokerUnderTest, channel: RawChannel
) -> None:
    # RabbitMQ 4 compares the seconds of the binding with milliseconds.
    channel.bind(channel.queue('q'), 'amq.headers', '', {'key': NOON})

    expected = by_version(broker, {(3, 10): True, (4, 0): False})
    assert routed(channel, 'amq.headers', '', headers={'key': NOON}) == expected


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
