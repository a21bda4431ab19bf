"""Batches of a producer: one wait for the confirms of many messages."""

from __future__ import annotations

from typing import Any

import kombu
import pytest
from kombu.exceptions import BatchPublishError

from tests.kombu.conftest import Connect, get

pytestmark = pytest.mark.integration


@pytest.fixture
def producer(connect: Connect, ours: str) -> Any:
    """A producer that waits for confirms."""
    connection = connect(ours, transport_options={'confirm_publish': True})
    return connection.Producer(routing_key='batched')


@pytest.fixture
def queue(producer: Any) -> Any:
    """A queue that takes at most 3 messages."""
    arguments = {'x-max-length': 3, 'x-overflow': 'reject-publish'}
    queue = kombu.Queue('batched', queue_arguments=arguments)(producer.channel)
    queue.declare()
    return queue


def count(queue: Any) -> int:
    return int(queue.queue_declare(passive=True).message_count)


def test_kombu_finds_batches(producer: Any) -> None:
    assert producer.supports_batch_publish


def test_a_batch_is_published_at_its_end(producer: Any, queue: Any) -> None:
    with producer.batch():
        producer.publish({'a': 1})
        producer.publish('b')
        assert count(queue) == 0

    assert [get(queue).payload for _ in range(2)] == [{'a': 1}, 'b']


def test_a_full_batch_is_published(producer: Any, queue: Any) -> None:
    with producer.batch(max_size=2):
        producer.publish('a')
        producer.publish('b')
        assert count(queue) == 2


def test_a_batch_that_fails_in_the_program_is_dropped(producer: Any, queue: Any) -> None:
    def publish_and_fail() -> None:
        with producer.batch():
            producer.publish('a')
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        publish_and_fail()

    assert count(queue) == 0


def test_the_broker_refuses_one_of_a_batch(producer: Any, queue: Any) -> None:
    batch = producer.batch()
    batch.__enter__()
    for number in range(4):
        producer.publish(number)
    with pytest.raises(BatchPublishError, match='refused'):
        batch.__exit__(None, None, None)

    assert count(queue) == 3
    queue.purge()
    with producer.batch():
        producer.publish('next')
    assert count(queue) == 1
