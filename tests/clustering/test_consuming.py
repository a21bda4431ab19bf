"""Consuming by threads: on which thread an inline callback runs, and what it must not do there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue, ReceivedMessage
from tests.integration.support import PATIENCE, Collector, confirmed, consume

pytestmark = pytest.mark.integration


def test_an_inline_callback_runs_on_the_io_thread_in_order(cluster: Cluster) -> None:
    threads = set()
    collector = Collector(lambda _: threads.add(threading.current_thread().name))
    consume(cluster, Queue('q'), collector, inline=True)
    bodies = [b'%d' % number for number in range(100)]
    cluster.publish_many([Message(body) for body in bodies], routing_key='q')
    collector.wait_for(100)
    assert collector.bodies == bodies
    assert threads == {'CoolAMQP AMQP listener thread'}


WAITS: dict[str, Callable[[Cluster], Any]] = {
    'get': lambda cluster: cluster.get('q').result(PATIENCE),
    'publish': lambda cluster: confirmed(cluster, b'', 'nowhere').exception(PATIENCE),
    'declare': lambda cluster: cluster.declare(Queue('within')).result(PATIENCE),
    'drain': lambda cluster: cluster.drain(None),
    'wait_for_confirms': lambda cluster: cluster.wait_for_confirms(),
    'wait_connected': lambda cluster: cluster.wait_connected(),
    'messages': lambda cluster: cluster.messages(Queue('q')),
}


@pytest.mark.parametrize('wait', WAITS.values(), ids=WAITS)
def test_waiting_in_an_inline_callback_is_refused_and_not_a_deadlock(
    cluster: Cluster, wait: Callable[[Cluster], Any]
) -> None:
    ended = confirmed(cluster, b'', 'nowhere')
    ended.result(PATIENCE)

    def on_message(_message: ReceivedMessage) -> None:
        ended.result(0)  # there is nothing to wait for
        with pytest.raises(RuntimeError, match='deadlock'):
            wait(cluster)

    collector = Collector(on_message)
    consume(cluster, Queue('q'), collector, inline=True)
    confirmed(cluster, b'', 'q').result(PATIENCE)
    collector.wait_for(1)


def test_a_retry_ends_while_a_done_callback_waits_for_its_consumer(cluster: Cluster) -> None:
    begun, retried = threading.Event(), threading.Event()

    def retry(message: ReceivedMessage) -> None:
        begun.wait(PATIENCE)
        message.retry()
        retried.set()

    def cancel(_future: Any) -> None:
        begun.set()
        retried.wait(PATIENCE)
        consumer.cancel(timeout=None).result(PATIENCE)
        ended.set()

    ended = threading.Event()
    queue = Queue('jobs', durable=True, retry_delays=(60,))
    consumer = consume(cluster, queue, retry, no_ack=False)
    confirmed(cluster, b'', 'jobs').result(PATIENCE)
    confirmed(cluster, b'', 'nowhere').add_done_callback(cancel)
    assert ended.wait(PATIENCE)
