"""Callbacks on the thread that drives: what they may do goes on working, whoever drives then.

Each test has the helm lent first: some quick callbacks have run, one after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue, ReceivedMessage
from tests.conftest import MakeCluster
from tests.integration.support import PATIENCE, Signals, confirmed, consume
from tests.support.proxy import FaultProxy

SOON = 5.0  # seconds; well before the next heartbeat

pytestmark = pytest.mark.integration


class Quick:
    """A consumer whose callbacks are quick, until it gets something else to do."""

    def __init__(self, cluster: Cluster, queue: str = 'quick') -> None:
        self._cluster = cluster
        self._queue = queue
        self._received = threading.Event()
        self._task: Callable[[], object] | None = None
        consume(cluster, Queue(queue), self._on_message)

    def _on_message(self, _message: ReceivedMessage) -> None:
        task, self._task = self._task, None
        if task is not None:
            task()
        self._received.set()

    def send(self, task: Callable[[], object] | None = None) -> threading.Event:
        """Have it receive a message, and do something; the event is set after it."""
        self._received.clear()
        self._task = task
        self._cluster.publish(Message(b'go'), routing_key=self._queue)
        return self._received

    def take_the_leadership(self) -> None:
        """Let it receive until its thread drives."""
        assert self._cluster._core.driver is not None
        helm = self._cluster._core.driver._leadership
        for _ in range(1000):
            assert self.send().wait(PATIENCE)
            if helm.leader is not None:
                return
        pytest.fail('the helm was not lent')


@pytest.fixture
def quick(cluster: Cluster) -> Quick:
    quick = Quick(cluster)
    quick.take_the_leadership()
    return quick


def test_it_may_wait_for_a_confirm(cluster: Cluster, quick: Quick) -> None:
    cluster.declare(Queue('other')).result(PATIENCE)
    done = quick.send(lambda: confirmed(cluster, b'', 'other').result(PATIENCE))
    assert done.wait(PATIENCE)


def test_it_may_wait_for_another_consumer(cluster: Cluster, quick: Quick) -> None:
    came = threading.Event()
    consume(cluster, Queue('other'), lambda _message: came.set())
    quick.take_the_leadership()
    begun = threading.Event()

    def task() -> None:
        begun.set()
        assert came.wait(PATIENCE)

    done = quick.send(task)
    assert begun.wait(PATIENCE)
    confirmed(cluster, b'', 'other').result(PATIENCE)
    assert done.wait(PATIENCE)


def test_what_another_thread_wants_to_be_called_is_called_at_once(
    cluster: Cluster, quick: Quick
) -> None:
    called = threading.Event()
    cluster._core.dispatcher.call(called.set)
    assert called.wait(SOON)


def test_it_may_be_called_from_where_a_lock_is_held(cluster: Cluster, quick: Quick) -> None:
    called = threading.Event()
    with cluster._core.lock, cluster._core.dispatcher._condition:
        cluster._core.dispatcher.call_late(called.set)
    assert called.wait(SOON)


def test_more_wakes_than_fit_do_no_harm(cluster: Cluster, quick: Quick) -> None:
    listener = cluster._core.driver
    assert listener is not None
    with cluster._core.lock:  # so that nobody reads them
        for _ in range(10_000):
            listener.wake()
        listener._asleep = True
        listener.notify()
    assert quick.send().wait(PATIENCE)


def test_others_publish_while_it_does_something_else(cluster: Cluster, quick: Quick) -> None:
    cluster.declare(Queue('other')).result(PATIENCE)
    begun, end = threading.Event(), threading.Event()

    def task() -> None:
        begun.set()
        assert end.wait(PATIENCE)

    done = quick.send(task)
    assert begun.wait(PATIENCE)
    for number in range(10):
        confirmed(cluster, b'%d' % number, 'other').result(PATIENCE)
    assert not done.is_set()
    end.set()
    assert done.wait(PATIENCE)


def test_it_may_shut_down(cluster: Cluster, quick: Quick) -> None:
    assert quick.send(cluster.shutdown).wait(PATIENCE)
    assert cluster.is_shutdown()


def test_a_shutdown_ends_all_threads(cluster: Cluster, quick: Quick) -> None:
    cluster.shutdown()  # and the fixture looks for threads that are left
    assert cluster.is_shutdown()


def test_it_goes_on_after_a_reconnect(make_cluster: MakeCluster, proxy: FaultProxy) -> None:
    lost = Signals()
    cluster = make_cluster(host=proxy.host, port=proxy.port, on_fail=lost)
    cluster.start()
    quick = Quick(cluster)
    quick.take_the_leadership()
    proxy.cut()
    lost.wait_for(1)
    assert cluster.wait_connected(PATIENCE)
    confirmed(cluster, b'', 'quick').result(PATIENCE)
    assert quick.send().wait(PATIENCE)


def test_an_inline_callback_must_not_wait_whoever_drives(cluster: Cluster, quick: Quick) -> None:
    refused: list[str] = []
    came = threading.Event()

    def on_message(_message: ReceivedMessage) -> None:
        try:
            confirmed(cluster, b'', 'quick').result(PATIENCE)
        except RuntimeError as error:
            refused.append(str(error))
        came.set()

    consume(cluster, Queue('inline'), on_message, inline=True)
    quick.take_the_leadership()
    cluster.publish(Message(b''), routing_key='inline')
    assert came.wait(PATIENCE)
    assert 'deadlock' in refused[0]


def test_it_may_wait_for_room(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(max_unconfirmed=1)
    cluster.start()
    quick = Quick(cluster)
    cluster.declare(Queue('other')).result(PATIENCE)
    quick.take_the_leadership()

    def task() -> None:
        for _ in range(20):
            confirmed(cluster, b'', 'other')

    assert quick.send(task).wait(PATIENCE)
