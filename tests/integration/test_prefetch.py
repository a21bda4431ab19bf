"""What a prefetch count does on a real broker."""

from __future__ import annotations

import threading

import pytest

from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue
from tests.integration.support import PATIENCE, SHORT, Collector

pytestmark = pytest.mark.integration


def test_a_prefetch_is_kept_and_can_be_changed_while_running(cluster: Cluster) -> None:
    queue = Queue('bounded', auto_delete=True)
    collector = Collector()
    consumer, consuming = cluster.consume(queue, collector, no_ack=False, qos=2)
    consuming.result(PATIENCE)
    for number in range(20):
        cluster.publish(Message(b'%d' % number), routing_key='bounded', confirm=True)
    collector.wait_for(2)
    assert not threading.Event().wait(SHORT)
    assert len(collector.messages) == 2

    consumer.set_qos(5)
    collector.wait_for(7)  # the two of before, and five for the consumer that replaced it

    for message in list(collector.messages):
        message.ack()
    collector.wait_for(12)
    consumer.cancel()
