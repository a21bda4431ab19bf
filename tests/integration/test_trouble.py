"""Trouble on a real broker: what goes wrong with one message costs no other message anything."""

from __future__ import annotations

import queue
import struct
import threading
from collections.abc import Iterator

import pytest

from coolamqp.attaches.events import ConnectionLost, ConsumerCancelledByBroker
from coolamqp.clustering import Cluster
from coolamqp.exceptions import AMQPError
from coolamqp.framing.properties import BasicContentPropertyList
from coolamqp.objects import Message, NodeDefinition, Queue
from tests.support.nodes import BrokerNode
from tests.support.rabbitmq import RabbitMQNode

pytestmark = pytest.mark.integration

PATIENCE = 30.0  # seconds
LOSSES_MAX = 3


def poison() -> Message:
    """Return a message with the header NaN, which makes RabbitMQ end the connection.

    A program can get such properties from another client only, because ours refuses to encode NaN.
    """
    table = b'\x05scored' + struct.pack('>d', float('nan'))
    encoded = struct.pack('>HI', 1 << 13, len(table)) + table
    return Message(b'poison', BasicContentPropertyList.from_buffer(encoded, 0))


def test_a_message_that_crashes_the_broker_fails_and_the_others_are_stored(
    cluster: Cluster,
) -> None:
    lost: list[object] = []
    cluster.on_event.add(lambda event: lost.append(event) if type(event) is ConnectionLost else 0)
    cluster.declare(Queue('good')).result(PATIENCE)
    messages = [Message(b'%d' % number) for number in range(100)]
    messages[50] = poison()
    futures = [cluster.publish(each, routing_key='good', confirm=True) for each in messages]
    errors = [future.exception(PATIENCE) for future in futures]
    assert isinstance(errors.pop(50), AMQPError)
    assert errors == [None] * 99
    assert len(lost) <= LOSSES_MAX
    assert cluster.declare(Queue('good')).result(PATIENCE) is None


def test_publishing_to_a_missing_exchange_all_the_time_loses_no_other_message(
    cluster: Cluster,
) -> None:
    cluster.declare(Queue('good')).result(PATIENCE)
    begun, over = threading.Event(), threading.Event()
    refused: list[BaseException | None] = []

    def publish_to_nowhere() -> None:
        while not over.is_set():
            future = cluster.publish(Message(b''), 'missing', 'key', confirm=True)
            refused.append(future.exception(PATIENCE))
            begun.set()

    noisy = threading.Thread(target=publish_to_nowhere)
    noisy.start()
    assert begun.wait(PATIENCE)
    message = Message(b'good')
    for _ in range(20):
        futures = [cluster.publish(message, routing_key='good', confirm=True) for _ in range(100)]
        assert [future.exception(PATIENCE) for future in futures] == [None] * 100
    over.set()
    noisy.join(PATIENCE)
    assert all(isinstance(error, AMQPError) and error.reply_code == 404 for error in refused)


@pytest.fixture
def impatient(rabbitmq: BrokerNode) -> Iterator[None]:
    """Let the broker wait for settlements for half a second only, on new channels."""
    assert isinstance(rabbitmq, RabbitMQNode)
    if rabbitmq.version >= (4, 3):
        pytest.skip('RabbitMQ 4.3 does not apply these settings at run time')
    for name, milliseconds in (('consumer_timeout', 500), ('channel_tick_interval', 200)):
        rabbitmq.eval(f'application:set_env(rabbit, {name}, {milliseconds})')
    yield
    for name, milliseconds in (('consumer_timeout', 1_800_000), ('channel_tick_interval', 60_000)):
        rabbitmq.eval(f'application:set_env(rabbit, {name}, {milliseconds})')


@pytest.mark.rabbitmq_only
@pytest.mark.usefixtures('impatient')
def test_a_message_that_is_not_settled_in_time_comes_again_and_is_an_event(
    broker_url: str,
) -> None:
    cancelled: queue.Queue[ConsumerCancelledByBroker] = queue.Queue()
    with Cluster(NodeDefinition(broker_url)) as cluster:
        cluster.on_event.add(
            lambda event: cancelled.put(event) if type(event) is ConsumerCancelledByBroker else 0
        )
        cluster.declare(Queue('tasks')).result(PATIENCE)
        cluster.publish(Message(b'slow'), routing_key='tasks', confirm=True).result(PATIENCE)
        messages = cluster.messages('tasks', prefetch=1, timeout=PATIENCE)
        first = next(messages)
        reason = cancelled.get(timeout=PATIENCE).reason
        again = next(messages)
        assert not first.ack()
        assert again.ack()
    assert again.redelivered
    assert reason is not None
    assert 'timed out' in str(reason)


@pytest.mark.rabbitmq_only
def test_a_quorum_queue_takes_a_message_back_that_is_not_settled_in_time(
    rabbitmq: BrokerNode, broker_url: str
) -> None:
    assert isinstance(rabbitmq, RabbitMQNode)
    if rabbitmq.version < (4, 3):
        pytest.skip('earlier versions close the channel, see the test above')
    arguments = {'x-queue-type': 'quorum', 'x-consumer-timeout': 500}  # milliseconds
    tasks = Queue('tasks', durable=True, arguments=arguments)
    cancelled: queue.Queue[ConsumerCancelledByBroker] = queue.Queue()
    with Cluster(NodeDefinition(broker_url)) as cluster:
        cluster.on_event.add(
            lambda event: cancelled.put(event) if type(event) is ConsumerCancelledByBroker else 0
        )
        cluster.declare(tasks).result(PATIENCE)
        cluster.publish(Message(b'slow'), routing_key='tasks', confirm=True).result(PATIENCE)
        messages = cluster.messages(tasks, prefetch=1, timeout=PATIENCE)
        first = next(messages)
        assert cancelled.get(timeout=PATIENCE).reason is None
        again = next(messages)
        assert not first.ack()
        assert again.ack()
    assert again.redelivered
