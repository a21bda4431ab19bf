"""OpenTracing spans as only threads have them: old argument orders, futures of the program."""

from __future__ import annotations

from typing import Any

import pytest
from opentracing.mocktracer import MockTracer

from coolamqp.clustering import Cluster
from coolamqp.clustering.future import ClusterFuture
from coolamqp.objects import Message, Queue
from tests.conftest import MakeCluster
from tests.integration.support import PATIENCE
from tests.telemetry.support import errors_of, only, spans

pytestmark = pytest.mark.integration

JOBS = Queue('jobs', auto_delete=True)


@pytest.fixture
def tracer() -> MockTracer:
    return MockTracer()


@pytest.fixture
def traced(make_cluster: MakeCluster, tracer: MockTracer) -> Cluster:
    """A Cluster with a tracer, that is connected."""
    cluster = make_cluster(tracer=tracer)
    cluster.start()
    return cluster


def is_child(span: Any, parent: Any) -> bool:
    same_trace = span.context.trace_id == parent.context.trace_id
    return bool(same_trace and span.parent_id == parent.context.span_id)


def test_draining_is_a_child_of_the_active_span(traced: Cluster, tracer: MockTracer) -> None:
    with tracer.start_active_span('active') as scope:
        traced.drain(0)
    assert is_child(only(tracer, 'drain'), scope.span)


def test_the_argument_orders_of_both_generations_take_a_span(
    traced: Cluster, tracer: MockTracer
) -> None:
    given: Any = tracer.start_span('given')
    traced.declare(JOBS, given).result(PATIENCE)
    traced.declare(JOBS, False, given).result(PATIENCE)
    traced.publish(Message(b''), '', 'jobs', None, given)
    traced.publish(Message(b''), '', 'jobs', None, None, given)

    assert len(spans(tracer, 'declare')) == len(spans(tracer, 'publish')) == 2
    assert all(is_child(span, given) for span in tracer.finished_spans())


def test_a_future_of_the_program_ends_the_span_too(traced: Cluster, tracer: MockTracer) -> None:
    notified = ClusterFuture(traced._core)
    traced.consume(JOBS, print, future_to_notify=notified)[1].result(PATIENCE)
    traced.shutdown()

    assert errors_of(only(tracer, 'consume')) == []
