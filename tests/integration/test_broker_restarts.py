"""The broker goes away while many threads publish, and comes back: each keeps its order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from coolamqp.clustering import Cluster
from coolamqp.clustering.future import ClusterFuture
from coolamqp.objects import Message, NodeDefinition, Queue, ReceivedMessage
from tests.support.nodes import BrokerNode, make_node

pytestmark = pytest.mark.integration

PUBLISHERS = 8
QUEUE = Queue('steady', durable=True)
PERSISTENT = {'delivery_mode': 2}
BEFORE = 1500  # messages of each thread that are published before the fault
AFTER = 500  # and after it was seen
PATIENCE = 60.0  # seconds


@pytest.fixture(scope='module')
def node() -> Iterator[BrokerNode]:
    """A node of this module's own, since it goes down and up."""
    with make_node() as node:
        yield node


@pytest.fixture
def clusters(node: BrokerNode) -> Iterator[tuple[Cluster, Cluster]]:
    """One Cluster to publish, one to consume."""
    definition = NodeDefinition(node.url('/'))
    with Cluster(definition, name='out') as out, Cluster(definition, name='in') as into:
        yield out, into
        out.delete_queue(QUEUE).result(PATIENCE)


class History:
    """What came out of the queue, in order, and whether before or after the fault."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.received: list[tuple[int, int]] = []

    def on_message(self, message: ReceivedMessage) -> None:
        thread, number = message.body.split(b':')
        with self._condition:
            self.received.append((int(thread), int(number)))
            self._condition.notify_all()
        message.ack()

    def wait_until(self, holds: Callable[[set[tuple[int, int]]], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        with self._condition:
            while not holds(set(self.received)):
                assert self._condition.wait(deadline - time.monotonic()), f'never: {what}'


class Publisher(threading.Thread):
    """Publishes in order; the second half only once the fault has happened."""

    def __init__(self, cluster: Cluster, thread: int, fault: threading.Event) -> None:
        super().__init__()
        self._cluster, self._thread, self._fault = cluster, thread, fault
        self.futures: list[ClusterFuture] = []

    def run(self) -> None:
        for number in range(BEFORE + AFTER):
            if number == BEFORE:
                self._fault.wait(PATIENCE)
            message = Message(b'%d:%d' % (self._thread, number), PERSISTENT)
            self.futures.append(self._cluster.publish(message, '', 'steady', confirm=True))


@pytest.mark.parametrize('fault', ['stop', 'kill'])
def test_each_thread_keeps_its_order(
    node: BrokerNode, clusters: tuple[Cluster, Cluster], fault: str
) -> None:
    out, into = clusters
    history, happened = History(), threading.Event()
    out.declare(QUEUE).result(PATIENCE)
    node.sync_declarations()
    publishers = [Publisher(out, thread, happened) for thread in range(PUBLISHERS)]
    for publisher in publishers:
        publisher.start()

    {'stop': node.stop, 'kill': node.kill}[fault]()
    happened.set()
    node.start()

    for publisher in publishers:
        publisher.join(PATIENCE)
        for future in publisher.futures:
            future.result(PATIENCE)
    # One consumer, which came after the fault: it sees the order of the queue.
    into.consume(QUEUE, history.on_message, no_ack=False)[1].result(PATIENCE)
    everything = PUBLISHERS * (BEFORE + AFTER)
    history.wait_until(lambda seen: len(seen) == everything, 'every message')
    for thread in range(PUBLISHERS):
        check_order([number for each, number in history.received if each == thread])


def check_order(numbers: list[int]) -> None:
    """First comings are in order; what was sent again comes as a whole run, in order, too."""
    first_comings = list(dict.fromkeys(numbers))
    assert first_comings == sorted(first_comings)
    steps_back = [after for before, after in pairwise(numbers) if after <= before]
    assert len(steps_back) <= 1, f'sent again more than once: {steps_back}'
