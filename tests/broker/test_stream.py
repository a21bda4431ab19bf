"""Streams: reading from an offset, filters, and what is cut off."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.framing.definitions import BasicConsume, BasicGet, BasicNack, BasicQos, QueuePurge
from tests.broker.rig import WALL_OFFSET, Client, Rig

STREAM = {'x-queue-type': 'stream'}
BODIES = [b'0', b'1', b'2', b'3', b'4']


@pytest.fixture
def stream(rig: Rig, client: Client) -> Client:
    """A client with a stream `s`, whose messages came a second one after the other."""
    client.declare('s', STREAM)
    client.call(BasicQos(0, 100, False))
    for body in BODIES:
        client.publish(body, 's')
        rig.advance(1)
    return client


def read(client: Client, **arguments: Any) -> list[bytes]:
    """Return what a new consumer receives."""
    given = {f'x-stream-{key.replace("_", "-")}': value for key, value in arguments.items()}
    client.consume('s', arguments=given)
    return client.bodies()


@pytest.mark.parametrize(
    ('offset', 'expected'),
    [
        ('first', BODIES),
        ('last', BODIES[-1:]),
        ('next', []),
        (2, BODIES[2:]),
        (-5, BODIES),
        (100, []),
        (2**62, []),
        ('3s', BODIES[2:]),
        ('1h', BODIES),
        ('9' * 5000 + 'Y', BODIES),
        ('0s', []),
        ((int(WALL_OFFSET) + 1003, 'T'), BODIES[3:]),
        ((2**63, 'T'), []),
    ],
)
def test_a_consumer_begins_at_its_offset(
    stream: Client, offset: Any, expected: list[bytes]
) -> None:
    assert read(stream, offset=offset) == expected


@pytest.mark.parametrize('offset', ['', 's', 'x', '5x', '-5s', 1.5, True, ['first']])
def test_an_invalid_offset_is_refused(stream: Client, offset: Any) -> None:
    method = BasicConsume('s', arguments={'x-stream-offset': offset})

    assert stream.refused(method)[0] == 406


def test_each_consumer_reads_everything(rig: Rig, stream: Client) -> None:
    other = rig.connect()
    other.call(BasicQos(0, 2, False))
    assert read(stream, offset='first') == BODIES
    other.consume('s', arguments={'x-stream-offset': 'first'})
    messages = other.deliveries()
    assert [each.body for each in messages] == BODIES[:2]
    assert [each.headers['x-stream-offset'] for each in messages] == [0, 1]

    other.ack(2, multiple=True)
    assert other.bodies() == BODIES[2:4]
    stream.publish(b'5', 's')
    assert stream.bodies() == [b'5']


def test_a_rejected_message_stays(rig: Rig, stream: Client) -> None:
    read(stream, offset='first')
    stream.send(BasicNack(0, True, False))

    assert rig.ready('s') == BODIES


@pytest.mark.parametrize(
    ('filters', 'unfiltered', 'expected'),
    [
        ('a', False, [b'a']),
        (['a', 'b'], False, [b'a', b'b']),
        ('a', True, [*BODIES, b'a', b'-']),
        ([], False, [*BODIES, b'a', b'b', b'-']),
        (5, False, [*BODIES, b'a', b'b', b'-']),
    ],
)
def test_a_consumer_may_filter(
    stream: Client, filters: Any, unfiltered: bool, expected: list[bytes]
) -> None:
    for value in ('a', 'b'):
        stream.publish(value.encode(), 's', headers={'x-stream-filter-value': value})
    stream.publish(b'-', 's')

    found = read(stream, offset='first', filter=filters, match_unfiltered=unfiltered)
    assert found == expected


@pytest.mark.parametrize(
    ('method', 'code'),
    [(BasicGet('s'), 540), (QueuePurge('s'), 540), (BasicConsume('s', no_ack=True), 540)],
)
def test_what_a_stream_does_not_do_is_refused(stream: Client, method: Any, code: int) -> None:
    assert stream.refused(method)[0] == code


def test_a_consumer_needs_a_prefetch_count(rig: Rig, stream: Client) -> None:
    assert rig.connect().refused(BasicConsume('s'))[0] == 406


def test_old_messages_are_cut_off_by_their_age(rig: Rig, client: Client) -> None:
    client.declare('s', {**STREAM, 'x-max-age': '10s'})
    client.publish(b'0', 's')
    rig.advance(10)
    client.publish(b'1', 's')
    assert rig.ready('s') == [b'0', b'1']

    rig.advance(0.001)
    client.publish(b'2', 's')
    assert rig.ready('s') == [b'1', b'2']


def test_an_age_may_be_longer_than_all_time(rig: Rig, client: Client) -> None:
    client.declare('s', {**STREAM, 'x-max-age': '9' * 5000 + 'Y'})
    client.publish(b'0', 's')
    client.publish(b'1', 's')

    assert rig.ready('s') == [b'0', b'1']


def test_old_messages_are_cut_off_by_their_size(rig: Rig, client: Client) -> None:
    client.declare('s', {**STREAM, 'x-max-length-bytes': 10})
    for size in (4, 6, 1, 20):
        client.publish(bytes(size), 's')

    assert [len(body) for body in rig.ready('s')] == [20]


def test_a_slow_consumer_skips_what_was_cut_off(rig: Rig, client: Client) -> None:
    client.declare('s', {**STREAM, 'x-max-length-bytes': 3})
    client.call(BasicQos(0, 1, False))
    client.consume('s')
    for body in BODIES:
        client.publish(body, 's')
    (first,) = client.deliveries()
    client.ack(first.tag)

    (message,) = client.deliveries()
    assert (message.body, message.headers['x-stream-offset']) == (b'2', 2)
