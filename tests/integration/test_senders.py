"""Who sends: a publisher itself while nobody drives, which spares it the way through a thread."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from coolamqp.clustering import Cluster
from coolamqp.clustering.driver import BURST_SECONDS
from coolamqp.net.transport import Transport
from coolamqp.objects import Message, Queue
from coolamqp.tracing import HoldingFrameTracer
from tests.conftest import MakeCluster
from tests.integration.support import PATIENCE, confirmed

pytestmark = pytest.mark.integration

TRIES = 200  # At the moment of a publish the I/O thread may still be about to sleep.


@pytest.fixture
def senders(monkeypatch: pytest.MonkeyPatch) -> set[threading.Thread]:
    """The threads that have sent something."""
    senders: set[threading.Thread] = set()
    send = Transport.send

    def note_and_send(transport: Transport, data: Any) -> int:
        senders.add(threading.current_thread())
        return send(transport, data)

    monkeypatch.setattr(Transport, 'send', note_and_send)
    return senders


def publish_one_after_the_other(cluster: Cluster) -> None:
    cluster.declare(Queue('q')).result(PATIENCE)
    for _ in range(TRIES):
        confirmed(cluster, b'', 'q').result(PATIENCE)


def test_a_publisher_sends_itself_while_nobody_drives(
    cluster: Cluster, senders: set[threading.Thread]
) -> None:
    publish_one_after_the_other(cluster)
    assert threading.current_thread() in senders


def test_who_is_traced_sends_from_the_thread_that_drives(
    make_cluster: MakeCluster, senders: set[threading.Thread]
) -> None:
    cluster = make_cluster(log_frames=HoldingFrameTracer())
    cluster.start()
    publish_one_after_the_other(cluster)
    assert threading.current_thread() not in senders


def test_a_burst_is_sent_by_the_thread_that_drives(
    cluster: Cluster, senders: set[threading.Thread]
) -> None:
    cluster.declare(Queue('q')).result(PATIENCE)
    for future in cluster.publish_many([Message(b'')] * 1000, routing_key='q'):
        future.result(PATIENCE)
    assert threading.current_thread() not in senders


def test_others_send_while_a_callback_of_the_thread_that_drives_runs(
    cluster: Cluster, senders: set[threading.Thread]
) -> None:
    assert cluster._core.driver is not None
    helm = cluster._core.driver._leadership
    cluster.declare(Queue('q')).result(PATIENCE)
    away, sent = threading.Event(), threading.Event()

    def on_message(_message: Any) -> None:
        if helm.away:
            away.set()
            assert sent.wait(PATIENCE)

    cluster.consume(Queue('called'), on_message)[1].result(PATIENCE)
    for _ in range(TRIES):
        cluster.publish(Message(b''), routing_key='called')
        if away.wait(0.01):
            break
    assert away.is_set()
    threading.Event().wait(2 * BURST_SECONDS)  # or it would be part of one
    senders.clear()
    future = confirmed(cluster, b'', 'q')
    assert threading.current_thread() in senders
    future.result(PATIENCE)  # by the I/O thread, which has taken the helm back
    sent.set()
