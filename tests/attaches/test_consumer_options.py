"""The options of a consumer are checked where they are given."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from coolamqp.attaches import Consumer
from coolamqp.attaches.consumer_options import consume_arguments
from coolamqp.objects import Queue


@pytest.mark.parametrize(
    ('callback', 'options', 'error'),
    [
        (print, {'prefetch': 5}, 'prefetch has no effect with no_ack=True.*pass no_ack=False'),
        (print, {'prefetch': 0, 'no_ack': True}, 'prefetch has no effect'),
        (print, {'on_error': 'reject'}, 'on_error has no effect with no_ack=True'),
        (None, {'on_error': 'requeue', 'no_ack': False}, 'pass an on_message'),
        (None, {'batch': 2}, 'batch is about on_message'),
        (None, {'workers': 2}, 'pass an on_message'),
    ],
)
def test_options_without_an_effect_are_refused(
    callback: Any, options: dict[str, Any], error: str
) -> None:
    with pytest.raises(ValueError, match=error):
        Consumer(Queue('q'), callback, **options)


def test_but_qos_without_acks_is_only_a_warning_since_old_programs_use_it() -> None:
    with pytest.warns(UserWarning, match='qos has no effect with no_ack=True') as warned:
        consumer = Consumer(Queue('q'), print, qos=5)
    assert warned[0].filename == __file__
    with pytest.warns(UserWarning, match='qos has no effect') as warned:
        consumer.set_qos(6)
    assert warned[0].filename == __file__
    with pytest.raises(ValueError, match='on_error has no effect'):
        consumer.on_error = 'reject'


@pytest.mark.parametrize('qos', [-1, 65536, 'five', (None, 1.5)])
def test_qos_that_makes_no_sense(qos: Any) -> None:
    with pytest.raises(ValueError, match='prefetch count'):
        Consumer(Queue('q'), None, no_ack=False, qos=qos)


def test_prefetch_is_another_name_of_qos_and_only_one_is_given() -> None:
    assert Consumer(Queue('q'), None, no_ack=False, prefetch=5).qos == 5
    with pytest.raises(ValueError, match='pass only one of them'):
        Consumer(Queue('q'), None, no_ack=False, qos=5, prefetch=5)


@pytest.mark.parametrize(
    ('queue', 'flags', 'error'),
    [
        (Queue('q'), {'passive': True, 'declare': False}, 'pass only one'),
        (Queue(), {'declare': False}, 'anonymous queue'),
        (Queue(), {'passive': True}, 'anonymous queue'),
        ('', {}, 'without a name must be declared'),
    ],
)
def test_queues_that_nobody_declares(queue: Any, flags: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        Consumer(queue, None, **flags)


@pytest.mark.parametrize('name', ['q', b'q'])
def test_a_queue_by_name_is_not_declared(name: Any) -> None:
    consumer = Consumer(name, None)
    assert (consumer.queue, consumer.declare, consumer.passive) == (Queue('q'), False, False)
    assert Consumer(name, None, passive=True).passive


def test_a_priority_is_one_of_the_arguments() -> None:
    arguments = consume_arguments({'x-stream-offset': 'first'}, 7)
    assert list(arguments or ()) == [('x-stream-offset', 'first'), ('x-priority', 7)]


@pytest.mark.parametrize('offset', ['next', b'7D', '12h', 5, (5, 'l'), datetime.now(UTC)])
def test_where_to_begin_in_a_stream(offset: Any) -> None:
    Consumer(Queue('q'), None, arguments={'x-stream-offset': offset})


@pytest.mark.parametrize(
    ('options', 'error', 'text'),
    [
        ({'priority': 'high'}, TypeError, 'priority must be an int'),
        ({'arguments': {'x': object()}}, TypeError, 'arguments of the consumer'),
        ({'arguments': {'x-stream-offset': 'start'}}, ValueError, "must be 'first'.*'start'"),
        ({'arguments': [(b'x-stream-offset', 1.5)]}, ValueError, "must be 'first'.*1.5"),
        ({'workers': 0}, ValueError, 'workers must be a whole number from 1'),
        ({'workers': True}, ValueError, 'workers must be a whole number from 1'),
        ({'workers': 2, 'inline': True}, ValueError, 'leave out workers'),
        ({'on_error': 'drop'}, ValueError, "on_error must be 'requeue', 'reject', 'retry'"),
        ({'batch': 0}, ValueError, 'batch must be a whole number from 1 to 65535, not 0'),
        ({'batch': True}, ValueError, 'batch must be a whole number'),
        ({'within': 1.0}, ValueError, 'within is about batches'),
        ({'batch': 2, 'within': 0}, ValueError, 'within must be a number of seconds over 0'),
        (
            {'batch': 20, 'prefetch': 19, 'no_ack': False},
            ValueError,
            'prefetch=19, the broker never sends a batch of 20 messages; pass a prefetch of 40',
        ),
        ({'on_error': 'retry', 'no_ack': False}, ValueError, 'a queue with retry_delays'),
        ({'body_receive_mode': 3}, ValueError, '3'),
        ({'consumer_tag': 't' * 256}, ValueError, 'consumer_tag'),
    ],
)
def test_options_that_make_no_sense(
    options: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        Consumer(Queue('q'), print, **options)


@pytest.mark.parametrize(
    ('options', 'prefetch'),
    [
        ({'batch': 100}, 200),
        ({'batch': 100, 'prefetch': 100}, 100),
        ({'batch': 100, 'prefetch': 0}, 0),
        ({'batch': 40_000}, 65_535),
    ],
)
def test_the_broker_sends_the_next_batch_ahead(options: dict[str, Any], prefetch: int) -> None:
    assert Consumer(Queue('q'), print, no_ack=False, **options).qos == prefetch
