"""Queues with retries: what is declared for them, and what a copy for the next attempt is."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.objects import Exchange, MessageProperties, Queue, QueueBind, ReceivedMessage
from coolamqp.objects.retries import (
    binding_after,
    next_address,
    next_attempt,
    subjects_before,
)
from coolamqp.objects.topology import text_argument

JOBS = Queue('jobs', durable=True, retry_delays=(1, 0.5, 1))


def received(headers: dict[str, Any] | None = None, **properties: Any) -> ReceivedMessage:
    """Return a received message."""
    return ReceivedMessage(b'x', '', 'key', MessageProperties(headers=headers, **properties))


def test_each_delay_has_a_queue() -> None:
    queues = [each for each in subjects_before(JOBS) if isinstance(each, Queue)]
    assert [queue.name for queue in queues] == [b'jobs.dead', b'jobs.retry.1s', b'jobs.retry.500ms']
    assert all(queue.durable for queue in queues)
    times = [dict(queue.arguments or ()).get('x-message-ttl') for queue in queues]
    assert times == [None, 1000, 500]


def test_all_queues_are_behind_a_fanout_exchange() -> None:
    exchanges = [each for each in subjects_before(JOBS) if isinstance(each, Exchange)]
    names = ['jobs.retry', 'jobs.dead', 'jobs.retry.1s', 'jobs.retry.500ms']
    assert [each.name for each in exchanges] == names
    assert {each.type for each in exchanges} == {b'fanout'}
    assert binding_after(JOBS) == [QueueBind('jobs', 'jobs.retry', '')]


def test_other_queues_need_nothing_more() -> None:
    queue = Queue('jobs', durable=True)
    assert (subjects_before(queue), binding_after(queue), queue.arguments) == ([], [], None)


@pytest.mark.parametrize(
    ('arguments', 'added'),
    [
        (None, {'x-dead-letter-exchange': b'jobs.dead'}),
        (
            {'x-queue-type': 'quorum'},
            {
                'x-dead-letter-exchange': b'jobs.dead',
                'x-dead-letter-strategy': 'at-least-once',
                'x-overflow': 'reject-publish',
            },
        ),
        (
            {'x-queue-type': 'quorum', 'x-overflow': 'drop-head'},
            {'x-dead-letter-exchange': b'jobs.dead'},
        ),
        ([(b'x-dead-letter-exchange', ('mine', 'S'))], {}),
    ],
)
def test_the_queue_dead_letters_what_is_rejected(arguments: Any, added: dict[str, Any]) -> None:
    queue = Queue('jobs', durable=True, arguments=arguments, retry_delays=[1])
    assert dict(queue.arguments or ()) == {**dict(arguments or ()), **added}


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'name': 'jobs'}, 'durable queue with a name'),
        ({}, 'durable queue with a name'),
        ({'name': 'jobs', 'durable': True, 'exclusive': True}, 'not exclusive'),
        ({'name': 'j' * 231, 'durable': True}, '230 bytes, and this has 231'),
    ],
)
def test_not_every_queue_can_have_retries(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Queue(**options, retry_delays=(1,))


@pytest.mark.parametrize('delay', [0, -1, 4_294_968, float('nan'), '1', None, True])
def test_a_delay_is_a_number_of_seconds(delay: Any) -> None:
    with pytest.raises(ValueError, match='a delay must be a number of seconds over 0'):
        Queue('jobs', durable=True, retry_delays=(1, delay))


@pytest.mark.parametrize(
    ('headers', 'exchange'),
    [
        (None, b'jobs.retry.1s'),
        ({'x-attempt': 1}, b'jobs.retry.1s'),
        ({'x-attempt': 2}, b'jobs.retry.500ms'),
        ({'x-attempt': 3}, b'jobs.retry.1s'),
        ({'x-attempt': 4}, b'jobs.dead'),
        ({'x-attempt': 400}, b'jobs.dead'),
        ({'x-attempt': -4}, b'jobs.retry.1s'),
        ({'x-attempt': 'many'}, b'jobs.retry.1s'),
    ],
)
def test_a_message_goes_where_its_attempt_says(headers: Any, exchange: bytes) -> None:
    assert next_address(JOBS, received(headers)) == (exchange, b'key')


def test_dead_letters_have_the_routing_key_of_the_queue() -> None:
    arguments = {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'graves'}
    queue = Queue('jobs', durable=True, arguments=arguments, retry_delays=[1])
    assert next_address(queue, received({'x-attempt': 2})) == (b'', b'graves')
    assert text_argument(queue, 'x-queue-type') is None


def test_a_copy_has_the_headers_of_the_program_and_none_of_the_broker() -> None:
    old = {
        'mine': 1,
        'x-attempt': 1,
        'x-retry-reason': 'old',
        'x-death': [{'queue': 'jobs'}],
        'x-first-death-queue': 'jobs',
        'x-last-death-reason': 'rejected',
        'x-delivery-count': 2,
    }
    message = received(old, expiration='100', user_id='guest', message_id='m', delivery_mode=2)
    copy = next_attempt(message, 'new')
    again = ReceivedMessage(copy.body, '', '', copy.properties)
    assert again.headers == {'mine': 1, 'x-attempt': 2, 'x-retry-reason': 'new'}
    assert again.properties.get('message_id') == b'm'
    assert again.properties.get('delivery_mode') == 2
    assert again.properties.get('expiration') is None
    assert again.properties.get('user_id') is None


def test_a_long_reason_is_cut() -> None:
    copy = next_attempt(received(), 'no' * 1000)
    again = ReceivedMessage(copy.body, '', '', copy.properties)
    assert again.headers['x-retry-reason'] == 'no' * 500


def test_a_reason_that_is_no_text_is_escaped() -> None:
    copy = next_attempt(received(), 'no file \udcff')
    again = ReceivedMessage(copy.body, '', '', copy.properties)
    assert again.headers['x-retry-reason'] == 'no file \\udcff'
