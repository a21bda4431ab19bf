"""The consumers that a Cluster takes."""

from __future__ import annotations

import pytest

from coolamqp.attaches import Consumer
from coolamqp.objects import Queue
from tests.api.core import SmallCluster
from tests.api.support import Tracer


@pytest.fixture
def cluster() -> SmallCluster:
    return SmallCluster()


def test_a_consumer_is_added_in_a_span_that_ends_when_it_consumes(cluster: SmallCluster) -> None:
    cluster.core.tracer = tracer = Tracer()
    cluster.core.start()
    broker = cluster.core.up()
    future = cluster.add_consumer(Consumer(Queue('q'), None))
    (span,) = tracer.spans
    assert (span.call.name, span.call.kind, span.ends) == ('consume', 'consumer', [])
    broker.serve()
    assert future.result(0) is None
    assert span.ends == [None]


def test_what_is_no_consumer_is_refused(cluster: SmallCluster) -> None:
    cluster.core.start()
    with pytest.raises(TypeError, match="consumer must be a Consumer, not 'q'"):
        cluster.add_consumer('q')  # type: ignore[arg-type]


def test_programs_of_old_add_a_consumer_to_a_group(cluster: SmallCluster) -> None:
    cluster.core.start()
    broker = cluster.core.up()
    consumer = Consumer(Queue('q'), None)
    cluster.attache_group.add(consumer)
    broker.serve()
    assert consumer.state == 2
    with pytest.raises(ValueError, match='was added to this Cluster already'):
        cluster.attache_group.add(consumer)
