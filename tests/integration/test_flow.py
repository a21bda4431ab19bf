"""What happens when one side is slower than the other: bounds, and the broker's own brakes."""

from __future__ import annotations

import concurrent.futures
import logging
import threading

import pytest

from coolamqp.clustering import Cluster, MessageReceived, NothingMuch
from coolamqp.objects import Message, Queue
from coolamqp.supervisor.watermarks import HIGH_MESSAGES
from coolamqp.tracing import HoldingFrameTracer
from tests.conftest import MakeCluster, NodeArguments
from tests.integration.support import PATIENCE, Signals, await_event, confirmed, consume
from tests.support.rabbitmq import RabbitMQNode

pytestmark = pytest.mark.integration


def test_a_blocked_connection_keeps_publishers_at_their_bound(
    make_cluster: MakeCluster, rabbitmq: RabbitMQNode
) -> None:
    blocked = Signals()
    cluster = make_cluster(on_blocked=blocked, max_unconfirmed=100)
    cluster.start()
    cluster.declare(Queue('slow', auto_delete=True)).result(PATIENCE)
    rabbitmq.set_memory_alarm(True)
    try:
        confirmed(cluster, b'first', 'slow')
        assert blocked.wait_for(1) == [(True,)]
        futures = [confirmed(cluster, b'%d' % number, 'slow') for number in range(99)]
        with pytest.raises(TimeoutError, match='unconfirmed'):
            cluster.publish(Message(b'too many'), routing_key='slow', confirm=True, timeout=0.2)
        assert not any(future.done() for future in futures)
    finally:
        rabbitmq.set_memory_alarm(False)

    assert all(future.result(PATIENCE) is None for future in futures)
    assert blocked.wait_for(2)[1] == (False,)


def test_callbacks_that_do_not_keep_up_do_not_fill_the_memory(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(heartbeat=1)
    cluster.start()
    count = HIGH_MESSAGES * 5
    queue, release, done = Queue('flood', durable=True), threading.Event(), threading.Event()
    cluster.declare(queue).result(PATIENCE)
    for future in [confirmed(cluster, b'%d' % number, 'flood') for number in range(count)]:
        future.result(PATIENCE)
    received: list[bytes] = []
    most = 0

    def on_message(message: MessageReceived) -> None:
        nonlocal most
        if not received:
            release.wait(3)  # three heartbeats, in which nothing is read
        most = max(most, cluster._core.engine.mailboxes.watermarks.messages)
        received.append(message.body)
        if len(received) == count:
            done.set()

    consume(cluster, queue, on_message)
    await_event(done, 'the end of the flood')

    assert received == [b'%d' % number for number in range(count)]
    assert HIGH_MESSAGES <= most < HIGH_MESSAGES * 2
    assert isinstance(cluster.drain(0), NothingMuch)  # no connection was lost
    cluster.delete_queue(queue).result(PATIENCE)


def test_messages_that_wait_to_be_drained_are_bounded_too(cluster: Cluster) -> None:
    count = HIGH_MESSAGES * 3
    queue = Queue('undrained', durable=True)
    cluster.declare(queue).result(PATIENCE)
    for future in [confirmed(cluster, b'%d' % number, 'undrained') for number in range(count)]:
        future.result(PATIENCE)
    consume(cluster, queue)

    most = 0
    for number in range(count):
        most = max(most, cluster._core.engine.mailboxes.watermarks.messages)
        event = cluster.drain(PATIENCE)
        assert isinstance(event, MessageReceived)
        assert event.body == b'%d' % number
    assert most < HIGH_MESSAGES * 2
    cluster.delete_queue(queue).result(PATIENCE)


def test_drain_waits_as_long_as_it_is_told(cluster: Cluster) -> None:
    assert isinstance(cluster.drain(0), NothingMuch)
    assert isinstance(cluster.drain(0.05), NothingMuch)
    events: list[object] = []
    waiting = threading.Thread(target=lambda: events.append(cluster.drain(None)))
    waiting.start()
    consume(cluster, Queue('drained', auto_delete=True))
    confirmed(cluster, b'here', 'drained').result(PATIENCE)
    waiting.join(PATIENCE)
    (event,) = events
    assert isinstance(event, MessageReceived)
    assert event.body == b'here'


def test_drain_ends_with_a_shutdown(cluster: Cluster) -> None:
    events: list[object] = []
    waiting = threading.Thread(target=lambda: events.append(cluster.drain(None)))
    waiting.start()
    cluster.shutdown()
    waiting.join(PATIENCE)
    assert [type(event) for event in events] == [NothingMuch]


def test_a_frame_tracer_sees_everything_but_the_password(
    make_cluster: MakeCluster,
    rabbitmq: RabbitMQNode,
    node_arguments: NodeArguments,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    password = 'correct-horse-battery'
    user = f'traced-{node_arguments["virtual_host"]}'
    rabbitmq.ctl('add_user', user, password)
    rabbitmq.ctl(
        'set_permissions', '-p', str(node_arguments['virtual_host']), user, '.*', '.*', '.*'
    )
    tracer = HoldingFrameTracer()
    try:
        cluster = make_cluster(user=user, password=password, log_frames=tracer)
        cluster.start()
        confirmed(cluster, b'x', 'nowhere').result(PATIENCE)
        cluster.shutdown()
        wrong = make_cluster(user=user, password=password + '!')
        with pytest.raises(Exception, match='ACCESS_REFUSED') as refused:
            wrong.start()
    finally:
        rabbitmq.ctl('delete_user', user)

    seen = ' '.join(f'{direction} {frame}' for direction, _, frame in tracer.frames)
    for name in ('ConnectionStartOk', 'ConnectionOpenOk', 'BasicPublish', 'BasicAck', 'data=b'):
        assert name in seen
    assert 'connected to' in caplog.text
    for text in (seen, caplog.text, str(refused.value), repr(cluster), repr(wrong)):
        assert password not in text


def fill(cluster: Cluster, queue: Queue, count: int) -> None:
    """Have so many messages in a queue."""
    cluster.declare(queue).result(PATIENCE)
    name = queue.name or b''
    for future in [confirmed(cluster, b'x', name) for _ in range(count)]:
        future.result(PATIENCE)


def test_who_does_not_drain_can_still_publish_and_wait(cluster: Cluster) -> None:
    queue = Queue('piling-up', durable=True)
    fill(cluster, queue, HIGH_MESSAGES + 5000)
    consume(cluster, queue)
    seen = threading.Event()
    assert any(
        (cluster._core.engine.mailboxes.watermarks.messages >= HIGH_MESSAGES) or seen.wait(0.01)
        for _ in range(1000)
    )

    confirmed(cluster, b'behind all the others', 'piling-up').result(PATIENCE)

    cluster.delete_queue(queue).result(PATIENCE)


def test_a_callback_may_wait_for_futures_in_any_way_while_its_backlog_is_full(
    cluster: Cluster,
) -> None:
    queue = Queue('behind', durable=True)
    fill(cluster, queue, HIGH_MESSAGES + 5000)
    outcome: list[int] = []
    done = threading.Event()

    def on_message(_message: object) -> None:
        if outcome:
            return
        while not (cluster._core.engine.mailboxes.watermarks.messages >= HIGH_MESSAGES):
            threading.Event().wait(0.01)
        futures = [confirmed(cluster, b'x', 'nowhere') for _ in range(3)]
        outcome.append(len(concurrent.futures.wait(futures, PATIENCE).done))
        done.set()

    consumer = consume(cluster, queue, on_message)
    await_event(done, 'the end of the callback')
    consumer.cancel().result(PATIENCE)
    assert outcome == [3]
    cluster.delete_queue(queue).result(PATIENCE)
