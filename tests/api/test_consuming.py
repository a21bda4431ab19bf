"""The consumers that a Cluster takes."""

from __future__ import annotations

import inspect
from concurrent.futures import Future
from typing import Any

import pytest

from coolamqp import aio, clustering
from coolamqp.api.consuming import ConsumerAndFuture, iteration_prefetch
from coolamqp.attaches import Consumer
from coolamqp.objects import Queue
from tests.api.core import SmallCluster
from tests.api.support import Tracer

FACES = (clustering.Cluster, aio.Cluster)


def parameters(function: Any) -> dict[str, inspect.Parameter]:
    """Return the parameters of a function, without `self`."""
    found = dict(inspect.signature(function).parameters)
    del found['self']
    return found


def kinds(found: dict[str, inspect.Parameter]) -> dict[str, tuple[Any, Any]]:
    return {name: (each.annotation, each.default) for name, each in found.items()}


@pytest.mark.parametrize('face', FACES)
def test_consume_has_all_arguments_of_a_consumer(face: Any) -> None:
    ours, theirs = kinds(parameters(face.consume)), kinds(parameters(Consumer.__init__))
    del ours['dont_trace'], ours['on_message'], theirs['on_message']
    if face is aio.Cluster:  # It has no old programs.
        assert ours.pop('no_ack')[1] is False
        assert theirs.pop('no_ack')[1] is True
    assert ours == theirs


def test_by_threads_consume_takes_them_in_the_order_of_old_programs() -> None:
    ours, theirs = parameters(clustering.Cluster.consume), parameters(Consumer.__init__)
    assert [name for name in ours if name != 'dont_trace'] == list(theirs)
    for name, parameter in theirs.items():
        assert ours[name].kind is parameter.kind


@pytest.mark.parametrize('face', FACES)
def test_messages_has_those_that_do_not_concern_a_callback(face: Any) -> None:
    ours, theirs = kinds(parameters(face.messages)), kinds(parameters(Consumer.__init__))
    assert set(theirs) - set(ours) == {
        'on_message', 'span', 'qos', 'future_to_notify', 'workers', 'inline', 'on_error',
        'batch', 'within',
    }  # fmt: skip
    del ours['timeout'], ours['no_ack']
    assert ours == {name: theirs[name] for name in ours}


def test_an_iteration_has_a_prefetch_count_if_that_means_something() -> None:
    assert iteration_prefetch(None, no_ack=False) == 100
    assert iteration_prefetch(None, no_ack=True) is None
    assert iteration_prefetch(5, no_ack=False) == 5


async def await_it(call: Any) -> None:
    await call


def test_awaiting_what_consume_returns_says_what_to_do() -> None:
    both = ConsumerAndFuture((Consumer(Queue('q'), None), Future[None]()))
    assert both == tuple(both)
    with pytest.raises(TypeError, match=r'write: consumer, ready = cluster\.consume'):
        await_it(both).send(None)


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
