"""Waiting for what clients do: for a message, for any other condition; the record of bytes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coolamqp.broker import Broker, SeenMessage
from coolamqp.clustering import Cluster
from coolamqp.objects import Exchange, Message, Queue

PATIENCE = 10.0


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as broker:
        yield broker


@pytest.fixture
def cluster(broker: Broker) -> Iterator[Cluster]:
    with Cluster(broker.url, name='publisher') as cluster:
        yield cluster


def publish(cluster: Cluster, body: bytes, exchange: str = '', routing_key: str = 'jobs') -> None:
    cluster.publish(Message(body), exchange, routing_key, confirm=True).result(PATIENCE)


def later(function: Callable[[], object], broker: Broker) -> threading.Thread:
    """Call a function on another thread as soon as somebody waits for the broker."""

    def call() -> None:
        while not broker._watchers._events:
            pass
        function()

    thread = threading.Thread(target=call)
    thread.start()
    return thread


class TestWaitForMessage:
    def test_a_message_that_was_published_is_returned_at_once(
        self, broker: Broker, cluster: Cluster
    ) -> None:
        publish(cluster, b'one')

        assert broker.wait_for_message(timeout=0).body == b'one'

    def test_a_message_that_is_published_later_is_awaited(
        self, broker: Broker, cluster: Cluster
    ) -> None:
        publish(cluster, b'one')
        thread = later(lambda: publish(cluster, b'two', routing_key='results'), broker)

        found = broker.wait_for_message(routing_key='results')

        thread.join()
        assert (found.exchange, found.routing_key, found.body) == ('', 'results', b'two')

    def test_all_conditions_hold_for_what_is_returned(
        self, broker: Broker, cluster: Cluster
    ) -> None:
        cluster.declare(Exchange('events')).result(PATIENCE)
        publish(cluster, b'1', '', 'new')
        publish(cluster, b'2', 'events', 'old')
        publish(cluster, b'3', 'events', 'new')
        publish(cluster, b'4', 'events', 'new')

        assert broker.wait_for_message('events', 'new').body == b'3'
        assert broker.wait_for_message('events').body == b'2'
        assert broker.wait_for_message('').body == b'1'
        assert broker.wait_for_message(where=lambda message: message.body > b'3').body == b'4'

    def test_each_message_is_looked_at_once(self, broker: Broker, cluster: Cluster) -> None:
        seen: list[bytes] = []

        def is_last(message: SeenMessage) -> bool:
            seen.append(message.body)
            return message.body == b'2'

        publish(cluster, b'0')
        thread = later(lambda: publish_each(cluster, [b'1', b'2']), broker)
        broker.wait_for_message(where=is_last)

        thread.join()
        assert seen == [b'0', b'1', b'2']

    def test_an_error_in_the_condition_reaches_the_caller(
        self, broker: Broker, cluster: Cluster
    ) -> None:
        publish(cluster, b'no number')

        with pytest.raises(ValueError, match='no number'):
            broker.wait_for_message(where=lambda message: int(message.body))

    def test_the_timeout_error_lists_what_was_published_instead(
        self, broker: Broker, cluster: Cluster
    ) -> None:
        publish(cluster, b'one')
        publish(cluster, b'x' * 1000, routing_key='long')

        with pytest.raises(TimeoutError) as caught:
            broker.wait_for_message('events', 'new', where=bool, timeout=0)

        first, *listed = str(caught.value).splitlines()
        assert first == (
            "no message with exchange 'events' and routing key 'new' and the condition in 0 s; "
            'these were published:'
        )
        assert listed == [
            "  exchange '', routing key 'jobs': b'one'",
            f"  exchange '', routing key 'long': b'{'x' * 60}'...",
        ]

    def test_the_timeout_error_lists_the_last_of_many(
        self, broker: Broker, cluster: Cluster
    ) -> None:
        for number in range(15):
            publish(cluster, b'%d' % number)

        with pytest.raises(TimeoutError, match='the last of 15 published') as caught:
            broker.wait_for_message(routing_key='results', timeout=0)

        assert str(caught.value).endswith("b'14'")
        assert "b'4'" not in str(caught.value)

    def test_the_timeout_error_says_that_nothing_was_published(self, broker: Broker) -> None:
        with pytest.raises(TimeoutError, match=r'no message in 0 s; nothing was published$'):
            broker.wait_for_message(timeout=0)

    def test_it_does_not_block_an_event_loop(self, broker: Broker) -> None:
        async def wait() -> None:
            broker.wait_for_message(timeout=0)

        with pytest.raises(RuntimeError, match=r'await asyncio.to_thread\(broker.wait_for_message'):
            asyncio.run(wait())

    def test_a_thread_may_wait_for_it_instead(self) -> None:
        async def wait() -> bytes:
            async with Broker() as broker:
                waiting = asyncio.create_task(asyncio.to_thread(broker.wait_for_message))
                await asyncio.to_thread(publish_one, broker.url)
                return (await waiting).body

        assert asyncio.run(wait()) == b'one'


def publish_each(cluster: Cluster, bodies: list[bytes]) -> None:
    for body in bodies:
        publish(cluster, body)


def publish_one(url: str) -> None:
    with Cluster(url) as cluster:
        publish(cluster, b'one')


class TestWaitUntil:
    def test_the_true_value_is_returned(self, broker: Broker, cluster: Cluster) -> None:
        cluster.declare(Queue('jobs')).result(PATIENCE)
        thread = later(lambda: publish(cluster, b'one'), broker)

        bodies = broker.wait_until(lambda: broker.queue('jobs').bodies)

        thread.join()
        assert bodies == [b'one']

    def test_a_queue_that_is_not_there_yet_is_awaited(
        self, broker: Broker, cluster: Cluster
    ) -> None:
        thread = later(lambda: cluster.declare(Queue('jobs')).result(PATIENCE), broker)

        assert broker.wait_until(lambda: broker.queue('jobs').name) == 'jobs'

        thread.join()

    def test_the_end_of_a_connection_is_noticed(self, broker: Broker, cluster: Cluster) -> None:
        thread = later(cluster.shutdown, broker)

        assert broker.wait_until(lambda: not broker.connections)

        thread.join()

    def test_what_time_does_is_noticed(self, broker: Broker, cluster: Cluster) -> None:
        cluster.declare(Queue('jobs', arguments={'x-message-ttl': 50})).result(PATIENCE)
        publish(cluster, b'one')

        assert broker.wait_until(lambda: not broker.queue('jobs').messages)

    def test_the_timeout_error_shows_the_last_value(self, broker: Broker) -> None:
        with pytest.raises(TimeoutError, match=r'not true in 0 s: it was \[\]'):
            broker.wait_until(broker.queues, timeout=0)

    def test_the_timeout_error_shows_what_was_missing(self, broker: Broker) -> None:
        with pytest.raises(TimeoutError, match="there is no queue 'jobs'") as caught:
            broker.wait_until(lambda: broker.queue('jobs').messages, timeout=0)

        assert isinstance(caught.value.__cause__, KeyError)

    def test_it_does_not_block_an_event_loop(self, broker: Broker) -> None:
        async def wait() -> None:
            broker.wait_until(bool, timeout=0)

        with pytest.raises(RuntimeError, match=r'await asyncio.to_thread\(broker.wait_until'):
            asyncio.run(wait())


def test_the_virtual_hosts_are_listed(broker: Broker) -> None:
    broker.add_vhost('other')

    assert broker.vhosts == ['/', 'other']


class TestRecord:
    def test_nothing_is_recorded_by_default(self, broker: Broker, cluster: Cluster) -> None:
        publish(cluster, b'one')

        assert broker.recorded == []

    def test_the_bytes_of_connections_are_recorded_across_a_restart(self, broker: Broker) -> None:
        broker.record()
        with Cluster(broker.url, name='publisher') as cluster:
            publish(cluster, b'before')
            broker.restart()
            publish(cluster, b'after')

        before, after = broker.recorded
        assert before.name == after.name == 'publisher'
        assert before.cause.startswith('CONNECTION_FORCED')
        assert b'before' in b''.join(chunk.data for chunk in before.received)
        assert b'after' in b''.join(chunk.data for chunk in after.received)

    def test_bytes_are_recorded_while_the_broker_is_slow(self, broker: Broker) -> None:
        broker.record()
        with broker.slow(1_000_000), Cluster(broker.url) as cluster:
            publish(cluster, b'one')
        (slow,) = broker.recorded
        assert b'guest' in b''.join(chunk.data for chunk in slow.received)
        assert b'CoolAMQP' in b''.join(chunk.data for chunk in slow.sent)


def test_a_broker_with_a_folder_remembers_across_a_restart_what_was_published(
    tmp_path: Path,
) -> None:
    with Broker(folder=tmp_path) as broker, Cluster(broker.url) as cluster:
        publish(cluster, b'before')
        broker.restart()
        publish(cluster, b'after')

        assert [message.body for message in broker.published] == [b'before', b'after']
