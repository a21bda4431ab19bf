"""Programs that end, or drop a Cluster, without `shutdown`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from coolamqp.clustering import Cluster
from coolamqp.objects import NodeDefinition, Queue
from tests.integration.support import PATIENCE, confirmed
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration

PROGRAM = """
import sys
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, NodeDefinition

cluster = Cluster(NodeDefinition(sys.argv[1]), name='hasty')
cluster.start()
cluster.publish(Message(b'0'), routing_key='q', confirm=True).result()
"""
PLAIN = "cluster.publish_many([Message(b'x' * 1000)] * 5000, routing_key='q', confirm=False)\n"
UNCONFIRMED = """
print('ready', flush=True)
input()
cluster.publish_many([Message(b'1'), Message(b'2'), Message(b'3')], routing_key='q')
"""


def program(url: str, end: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, '-W', 'always::ResourceWarning', '-c', PROGRAM + end, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_is_pending_is_sent_at_the_end_of_the_program(
    cluster: Cluster, broker_url: str
) -> None:
    cluster.declare(Queue('q')).result(PATIENCE)
    with program(broker_url, PLAIN) as hasty:
        _, errors = hasty.communicate(timeout=PATIENCE)
    assert errors == ''
    assert cluster.purge('q').result(PATIENCE) == 5001


def test_the_end_of_the_program_is_bounded_and_warns_of_unconfirmed_messages(
    cluster: Cluster, proxy: FaultProxy, vhost: str
) -> None:
    cluster.declare(Queue('q')).result(PATIENCE)
    url = f'amqp://guest:guest@{proxy.host}:{proxy.port}/{vhost}'
    with program(url, UNCONFIRMED) as hasty:
        assert hasty.stdout is not None
        hasty.stdout.readline()
        proxy.pause()
        _, errors = hasty.communicate('\n', timeout=PATIENCE)
    assert (
        'ResourceWarning: hasty: the Cluster was not shut down; unconfirmed messages: 3' in errors
    )
    assert 'Traceback' not in errors


def test_a_dropped_cluster_warns_and_goes_on(broker_url: str) -> None:
    dropped = Cluster(NodeDefinition(broker_url))
    dropped.start()
    core = dropped._core
    dropped.declare(Queue('q')).result(PATIENCE)
    with pytest.warns(ResourceWarning, match='not shut down; unconfirmed messages: 0'):
        del dropped
    assert core.connected
    core.shutdown(True, PATIENCE)


def test_a_cluster_that_was_shut_down_is_dropped_quietly(broker_url: str) -> None:
    with Cluster(NodeDefinition(broker_url)) as cluster:
        confirmed(cluster, b'x', 'q').result(PATIENCE)
    del cluster
