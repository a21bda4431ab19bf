"""A Cluster after a fork: of no use to the child, and as before to the parent."""

from __future__ import annotations

import asyncio
import os
import signal
import warnings
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from coolamqp import aio
from coolamqp.attaches import Consumer
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, NodeDefinition, Queue
from tests.integration.support import PATIENCE, Collector, confirmed, consume

pytestmark = pytest.mark.integration

CHILD_PATIENCE = 10  # seconds

USES: dict[str, Callable[[Any], Any]] = {
    'publish': lambda cluster: cluster.publish(Message(b'from the child'), routing_key='forked'),
    'publish confirmed': lambda cluster: cluster.publish(
        Message(b'from the child'), routing_key='forked', confirm=True
    ),
    'declare': lambda cluster: cluster.declare(Queue('child')),
    'bind': lambda cluster: cluster.bind('forked', 'amq.topic', ''),
    'delete_queue': lambda cluster: cluster.delete_queue(Queue('forked')),
    'consume': lambda cluster: cluster.consume(Queue('forked'), print),
    'add_consumer': lambda cluster: cluster.add_consumer(Consumer(Queue('forked'), print)),
    'drain': lambda cluster: cluster.drain(None),
}


def fork() -> int:
    """Fork this process; return the child's number, and 0 in the child."""
    with warnings.catch_warnings():
        # Since Python 3.12 a fork of a process with threads warns, which is the point here.
        warnings.simplefilter('ignore', DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # whoever hangs shall not do so for ever
        signal.alarm(CHILD_PATIENCE)
    return child


def in_a_child(use: Callable[[], Any]) -> str:
    """Call something in a fork of this process, and give what became of it, in words."""
    reader, writer = os.pipe()
    child = fork()
    if child == 0:
        try:
            os.write(writer, f'returned {use()!r}'.encode())
        except BaseException as error:  # noqa: BLE001 - the parent looks at it
            os.write(writer, f'{type(error).__name__}: {error}'.encode())
        finally:
            os._exit(0)  # nothing of the suite must run on in the child
    os.close(writer)
    with os.fdopen(reader) as pipe:
        words = pipe.read()
    os.waitpid(child, 0)
    return words or 'nothing: it hung, and was ended'


@pytest.mark.parametrize('use', USES.values(), ids=USES)
def test_use_in_the_child_is_an_error_and_harms_the_parent_in_no_way(
    cluster: Cluster, use: Callable[[Any], Any]
) -> None:
    collector = Collector()
    consume(cluster, Queue('forked', auto_delete=True), collector)

    words = in_a_child(lambda: use(cluster))

    assert words.startswith('RuntimeError: ')
    assert 'fork' in words
    confirmed(cluster, b'from the parent', 'forked').result(PATIENCE)
    collector.wait_for(1)
    assert collector.bodies == [b'from the parent']
    assert cluster.connected


def test_an_iteration_cannot_go_on_in_the_child(cluster: Cluster) -> None:
    cluster.declare(Queue('forked', durable=True)).result(PATIENCE)
    with cluster.messages(Queue('forked', durable=True)) as messages:
        assert in_a_child(lambda: next(messages)).startswith('RuntimeError: ')
        assert 'hung' not in in_a_child(messages.close)

        confirmed(cluster, b'for the parent', 'forked').result(PATIENCE)
        assert next(messages).body == b'for the parent'


def test_shutdown_by_the_child_ends_nothing_of_the_parent(cluster: Cluster) -> None:
    assert 'hung' not in in_a_child(cluster.shutdown)
    confirmed(cluster, b'', 'nowhere').result(PATIENCE)
    assert cluster.connected


def test_a_message_is_not_acknowledged_by_the_child(cluster: Cluster) -> None:
    collector = Collector()
    consumer = consume(cluster, Queue('forked'), collector, no_ack=False)
    confirmed(cluster, b'once more', 'forked').result(PATIENCE)
    (message,) = collector.wait_for(1)

    assert 'hung' not in in_a_child(message.ack)

    consumer.cancel().result(PATIENCE)
    again = Collector()
    consume(cluster, Queue('forked'), again)
    again.wait_for(1)


def test_a_child_may_have_a_cluster_of_its_own(cluster: Cluster, broker_url: str) -> None:
    cluster.declare(Queue('from the child')).result(PATIENCE)

    def live() -> Any:
        with Cluster(NodeDefinition(broker_url)) as own:
            return confirmed(own, b'born', 'from the child').result(PATIENCE)

    assert in_a_child(live) == 'returned None'
    collector = Collector()
    consume(cluster, Queue('from the child'), collector)
    collector.wait_for(1)
    assert collector.bodies == [b'born']


# With asyncio


async def use_nothing(_cluster: aio.Cluster) -> None:
    """Leave the block of the Cluster, and then the loop."""


async def publish(cluster: aio.Cluster) -> None:
    with pytest.raises(RuntimeError, match='fork'):
        cluster.publish(Message(b'from the child'), routing_key='nowhere')


async def leave_by_an_error(_cluster: aio.Cluster) -> None:
    raise SystemExit


@pytest.mark.parametrize('use', [use_nothing, publish, leave_by_an_error])
def test_a_child_that_leaves_the_event_loop_harms_the_parent_in_no_way(
    broker_url: str, use: Callable[[aio.Cluster], Awaitable[None]]
) -> None:
    parent = os.getpid()

    async def main() -> None:
        async with aio.Cluster(broker_url) as cluster:
            child = fork()
            if child == 0:
                await use(cluster)
            else:
                assert os.waitpid(child, 0)[1] == 0  # noqa: ASYNC222 - nothing else is to do
                async with asyncio.timeout(PATIENCE):
                    await cluster.publish(Message(b''), routing_key='nowhere', confirm=True)
                assert cluster.stats().connections == 1

    status = 1
    try:
        with suppress(SystemExit):
            asyncio.run(main())
        status = 0
    finally:
        if os.getpid() != parent:
            os._exit(status)  # nothing of the suite must run on in the child
