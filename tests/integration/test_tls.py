"""TLS by threads: who writes to its socket, and what a child process does to it."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator

import pytest

from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue
from tests.integration.support import PATIENCE, Collector, consume
from tests.support.certificates import Certificates
from tests.support.ports import HOST
from tests.support.proxy import FaultProxy
from tests.support.tls_listeners import TLSListeners

pytestmark = [pytest.mark.integration, pytest.mark.rabbitmq_only]


@pytest.fixture(scope='module')
def broker(certificates: Certificates) -> Iterator[TLSListeners]:
    with TLSListeners.running(certificates) as broker:
        yield broker


def test_ciphertext_that_the_socket_does_not_take_goes_out_later(broker: TLSListeners) -> None:
    queue, collector, count = Queue('rest', auto_delete=True), Collector(), 0
    with (
        Cluster(broker.definition()) as receiver,
        FaultProxy(HOST, broker.port) as proxy,
        # Neither heartbeats nor confirms shall remind it of what it has not sent.
        Cluster(broker.definition(port=proxy.port, heartbeat=0)) as sender,
    ):
        consume(receiver, queue, collector)
        proxy.pause()
        while not rests_within_tls(sender):
            sender.publish(Message(bytes(8 * 1024)), routing_key='rest')
            count += 1
        proxy.resume()
        collector.wait_for(count)


def rests_within_tls(cluster: Cluster) -> bool:
    """Whether all that was published has been encrypted, and the socket is full."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with cluster._core.lock:
            listener, engine = cluster._core.driver, cluster._core.engine
            assert listener is not None
            assert engine.link is not None
            transport = listener._transports.current
            assert transport is not None
            if transport._tls and transport._tls.unsent:
                return True
            if not engine.link.unsent:
                return False
        time.sleep(0.001)
    pytest.fail('the I/O thread does not take what is published')


def test_a_child_process_ends_no_tls_of_its_parent(broker: TLSListeners) -> None:
    with Cluster(broker.definition()) as cluster, warnings.catch_warnings():
        # Since Python 3.12 a fork of a process with threads warns, which is the point here.
        warnings.simplefilter('ignore', DeprecationWarning)
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)

        cluster.declare(Queue('after the fork', exclusive=True)).result(PATIENCE)

        assert cluster.faults == []
