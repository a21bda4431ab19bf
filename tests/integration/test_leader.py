"""What callbacks may do on the thread that leads, and what others may do meanwhile.

Some quick callbacks run first, one after the other, so that the thread that runs them leads. Which
thread leads is decided in `coolamqp.clustering.leader`; programs rely on what is asserted here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue, ReceivedMessage
from tests.conftest import MakeCluster
from tests.integration.support import PATIENCE, Signals, await_event, confirmed, consume
from tests.support.proxy import FaultProxy

QUICK_CALLBACKS = 20
SOON = 5.0  # seconds; well before the next heartbeat, for which all threads wake

pytestmark = pytest.mark.integration


class Quick:
    """A consumer whose callbacks are quick, until it gets something else to do."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._received = threading.Event()
        self._task: Callable[[], object] | None = None
        consume(cluster, Queue('quick'), self._on_message)
        self.run_quick_callbacks()

    def _on_message(self, _message: ReceivedMessage) -> None:
        task, self._task = self._task, None
        if task is not None:
            task()
        self._received.set()

    def send(self, task: Callable[[], object] | None = None) -> threading.Event:
        """Send it a message, for which it does something; return the event that is set after it."""
        self._received.clear()
        self._task = task
        self._cluster.publish(Message(b'go'), routing_key='quick')
        return self._received

    def run_quick_callbacks(self) -> None:
        for _ in range(QUICK_CALLBACKS):
            await_event(self.send(), 'a quick callback')


@pytest.fixture
def quick(cluster: Cluster) -> Quick:
    return Quick(cluster)


def test_a_callback_may_wait_for_a_confirm(cluster: Cluster, quick: Quick) -> None:
    cluster.declare(Queue('other')).result(PATIENCE)
    done = quick.send(lambda: confirmed(cluster, b'', 'other').result(PATIENCE))
    await_event(done, 'the confirm')


def test_a_callback_may_wait_for_another_consumer(cluster: Cluster, quick: Quick) -> None:
    begun, came = threading.Event(), threading.Event()
    consume(cluster, Queue('other'), lambda _message: came.set())
    quick.run_quick_callbacks()

    def task() -> None:
        begun.set()
        await_event(came, 'the message of the other consumer')

    done = quick.send(task)
    await_event(begun, 'the callback')
    confirmed(cluster, b'', 'other').result(PATIENCE)
    await_event(done, 'the end of the callback')


def test_a_callback_may_wait_for_room(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(max_unconfirmed=1)
    cluster.start()
    cluster.declare(Queue('other')).result(PATIENCE)

    def task() -> None:
        for _ in range(20):
            confirmed(cluster, b'', 'other')

    await_event(Quick(cluster).send(task), 'room')


def test_a_callback_may_shut_down(cluster: Cluster, quick: Quick) -> None:
    await_event(quick.send(cluster.shutdown), 'the shutdown')
    assert cluster.is_shutdown()


def test_an_inline_callback_must_not_wait_whichever_thread_drives(
    cluster: Cluster, quick: Quick
) -> None:
    refused: list[str] = []
    came = threading.Event()

    def on_message(_message: ReceivedMessage) -> None:
        try:
            confirmed(cluster, b'', 'quick').result(PATIENCE)
        except RuntimeError as error:
            refused.append(str(error))
        came.set()

    consume(cluster, Queue('inline'), on_message, inline=True)
    quick.run_quick_callbacks()
    cluster.publish(Message(b''), routing_key='inline')
    await_event(came, 'the inline callback')
    assert 'deadlock' in refused[0]


def test_others_publish_while_a_callback_blocks(cluster: Cluster, quick: Quick) -> None:
    cluster.declare(Queue('other')).result(PATIENCE)
    begun, end = threading.Event(), threading.Event()

    def task() -> None:
        begun.set()
        await_event(end, 'the end of the test')

    done = quick.send(task)
    await_event(begun, 'the callback')
    for number in range(10):
        confirmed(cluster, b'%d' % number, 'other').result(PATIENCE)
    assert not done.is_set()
    end.set()
    await_event(done, 'the end of the callback')


def test_a_done_callback_of_another_thread_runs_at_once(cluster: Cluster, quick: Quick) -> None:
    future = cluster.declare(Queue('other'))
    future.result(PATIENCE)
    called = threading.Event()
    future.add_done_callback(lambda _future: called.set())
    assert called.wait(SOON)


def test_a_shutdown_ends_all_threads(cluster: Cluster, quick: Quick) -> None:
    threads = {each for each in threading.enumerate() if each.name.startswith(cluster.name)}
    assert threads
    cluster.shutdown()
    assert not threads & set(threading.enumerate())


def test_callbacks_go_on_after_a_reconnect(make_cluster: MakeCluster, proxy: FaultProxy) -> None:
    lost = Signals()
    cluster = make_cluster(host=proxy.host, port=proxy.port, on_fail=lost)
    cluster.start()
    quick = Quick(cluster)
    proxy.cut()
    lost.wait_for(1)
    assert cluster.wait_connected(PATIENCE)
    confirmed(cluster, b'', 'quick').result(PATIENCE)
    await_event(quick.send(), 'a callback')
