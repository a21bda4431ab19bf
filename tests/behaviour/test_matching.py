"""Which bindings match which messages, in tables: direct, topic and headers exchanges."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from coolamqp.framing.definitions import QueueBind, QueueDeclare
from coolamqp.framing.field_table import Arguments
from tests.behaviour.brokers import BrokerUnderTest, by_version
from tests.behaviour.client import RawChannel
from tests.behaviour.conftest import Vhosts
from tests.behaviour.texts import precondition_failed


@pytest.fixture(scope='module')
def vhost(vhosts: Vhosts) -> str:
    """The name of one virtual host for all these tests: none leaves what another minds."""
    return vhosts.take()


def bind(channel: RawChannel, exchange: str, key: str, arguments: Arguments = None) -> None:
    """Bind a queue that ends with the connection."""
    queue = channel.call(QueueDeclare(exclusive=True)).queue
    channel.call(QueueBind(queue, exchange, key, arguments=arguments))


def routed(channel: RawChannel, exchange: str, key: str, **properties: Any) -> bool:
    """Whether an exchange routes a message to at least one queue."""
    channel.publish(b'', exchange, key, mandatory=True, **properties)
    channel.publish(b'', '', 'no such queue', mandatory=True)
    if channel.expect_return().routing_key == 'no such queue':
        return True
    assert channel.expect_return().routing_key == 'no such queue'
    return False


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
    bind(channel, 'amq.direct', binding)

    assert routed(channel, 'amq.direct', key) == matches


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
    bind(channel, 'amq.topic', pattern)

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
    bind(channel, 'amq.headers', 'ignored', arguments)

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
    bind(channel, 'amq.headers', '', arguments)

    assert routed(channel, 'amq.headers', '', headers=headers) == matches


@pytest.mark.parametrize(
    ('arguments', 'matches'),
    [({}, True), ({'x-match': 'all'}, True), ({'x-match': 'any'}, False)],
    ids=str,
)
def test_headers_with_nothing_to_match(
    channel: RawChannel, arguments: dict[str, Any], matches: bool
) -> None:
    bind(channel, 'amq.headers', '', arguments)

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
    bind(channel, 'amq.headers', '', {'key': bound})

    assert routed(channel, 'amq.headers', '', headers={'key': published}) == matches


def test_a_float_equals_an_integer_only_in_old_versions(
    broker: BrokerUnderTest, channel: RawChannel
) -> None:
    bind(channel, 'amq.headers', '', {'key': 1})

    expected = by_version(broker, {(3, 10): True, (4, 0): False})
    assert routed(channel, 'amq.headers', '', headers={'key': 1.0}) == expected


def test_a_timestamp_matches_only_in_old_versions(
    broker: BrokerUnderTest, channel: RawChannel
) -> None:
    # RabbitMQ 4 compares the seconds of the binding with milliseconds.
    bind(channel, 'amq.headers', '', {'key': NOON})

    expected = by_version(broker, {(3, 10): True, (4, 0): False})
    assert routed(channel, 'amq.headers', '', headers={'key': NOON}) == expected
