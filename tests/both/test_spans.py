"""OpenTracing spans around the calls of a Cluster and around its callbacks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from opentracing.mocktracer import MockTracer
from opentracing.scope_managers.asyncio import AsyncioScopeManager

from coolamqp import aio
from coolamqp.aio import Cluster
from coolamqp.attaches import Consumer
from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import Exchange, Message, Queue, ReceivedMessage
from tests.both.conftest import MakeCluster
from tests.both.support import PATIENCE, Collector, confirmed, consume
from tests.conftest import NodeArguments
from tests.support.ports import free_port
from tests.telemetry.support import errors_of, only, spans

pytestmark = pytest.mark.integration

JOBS = Queue('jobs', auto_delete=True)


@pytest.fixture
def tracer(face: type[Cluster]) -> MockTracer:
    return new_tracer(face)


def new_tracer(face: type[Cluster]) -> MockTracer:
    return MockTracer(AsyncioScopeManager() if face is aio.Cluster else None)


@pytest.fixture
def traced(make_cluster: MakeCluster, tracer: MockTracer) -> Cluster:
    """A Cluster with a tracer; the runner of the test enters it."""
    return make_cluster(tracer=tracer)


def names(tracer: MockTracer) -> list[Any]:
    return [span.operation_name for span in tracer.finished_spans()]


def is_child(span: Any, parent: Any) -> bool:
    same_trace = span.context.trace_id == parent.context.trace_id
    return bool(same_trace and span.parent_id == parent.context.span_id)


# -- calls


async def test_every_call_with_a_future_is_a_span_that_has_ended_when_the_future_has(
    traced: Cluster, tracer: MockTracer, node_arguments: NodeArguments
) -> None:
    orders, archive = Exchange('orders'), Exchange('archive')
    calls: list[tuple[str, str, Callable[[], asyncio.Future[Any]]]] = [
        ('declare', 'jobs', lambda: traced.declare(Queue('jobs'))),
        ('declare', 'jobs', lambda: traced.declare(Queue('jobs'), passive=True)),
        ('declare', 'orders', lambda: traced.declare(orders)),
        ('declare', 'archive', lambda: traced.declare(archive)),
        ('bind', 'jobs', lambda: traced.bind('jobs', orders, 'new')),
        ('unbind', 'jobs', lambda: traced.unbind('jobs', orders, 'new')),
        ('bind_exchange', 'archive', lambda: traced.bind_exchange(archive, orders)),
        ('unbind_exchange', 'archive', lambda: traced.unbind_exchange(archive, orders)),
        ('publish', 'jobs', lambda: confirmed(traced, b'', 'jobs')),
        ('get', 'jobs', lambda: traced.get('jobs', no_ack=True)),
        ('purge', 'jobs', lambda: traced.purge('jobs')),
        ('consume', 'jobs', lambda: traced.consume(Queue('jobs'), print)[1]),
        ('delete_queue', 'jobs', lambda: traced.delete_queue('jobs')),
        ('delete_exchange', 'orders', lambda: traced.delete_exchange(orders)),
    ]
    for name, destination, call in calls:
        tracer.reset()
        await call()

        span = only(tracer, name)
        assert names(tracer) == [name]
        assert span.tags['component'] == 'coolamqp'
        assert span.tags['message_bus.destination'] == destination
        assert span.tags['peer.hostname'] == node_arguments['host']
        assert span.tags['peer.port'] == node_arguments['port']
        assert errors_of(span) == []


@pytest.mark.parametrize('is_given', [True, False])
async def test_the_parent_is_the_span_given_or_else_the_active_one(
    traced: Cluster, tracer: MockTracer, is_given: bool
) -> None:
    given = tracer.start_span('given') if is_given else None
    exchange = Exchange('orders', durable=False, auto_delete=True)
    with tracer.start_active_span('active') as scope:
        await traced.declare(exchange, span=given)
        await traced.consume(Queue(), span=given)[1]
        await traced.declare(JOBS, span=given)
        await traced.bind(JOBS, exchange, '', span=given)
        await traced.publish(Message(b''), span=given, confirm=True)
        await traced.publish(Message(b''), span=given)
        await traced.drain(0, span=given or scope.span)
        parent = given or scope.span
    for name in ('declare', 'consume', 'bind', 'publish', 'drain'):
        assert spans(tracer, name), name
        assert all(is_child(span, parent) for span in spans(tracer, name)), name


async def test_dont_trace_makes_no_span(traced: Cluster, tracer: MockTracer) -> None:
    came = Collector()
    quiet: dict[str, Any] = {'span': tracer.start_span('given'), 'dont_trace': True}
    await traced.declare(JOBS, **quiet)
    await traced.declare(Exchange('orders', durable=False), **quiet)
    await traced.bind(JOBS, 'orders', '', **quiet)
    await traced.consume(JOBS, came, **quiet)[1]
    await traced.publish(Message(b'1'), '', 'jobs', confirm=True, **quiet)
    await traced.publish(Message(b'2'), '', 'jobs', **quiet)
    await traced.drain(0, **quiet)
    messages = await came.wait_for(2)
    assert names(tracer) == []
    assert [message.headers for message in messages] == [{}, {}]

    await confirmed(traced, b'3', 'jobs')
    await came.wait_for(3)
    await traced.shutdown()
    assert names(tracer) == ['publish']  # the callbacks have none, whatever the message carries


async def test_without_a_tracer_there_is_no_span_and_no_header(
    cluster: Cluster, tracer: MockTracer
) -> None:
    came = Collector()
    await consume(cluster, JOBS, came)
    with tracer.start_active_span('active'):
        await confirmed(cluster, b'', 'jobs')
    assert (await came.wait_for(1))[0].headers == {}
    assert names(tracer) == ['active']


async def test_draining_is_a_span_that_tells_what_came(traced: Cluster, tracer: MockTracer) -> None:
    await consume(traced, JOBS)
    await traced.drain(0)
    await confirmed(traced, b'', 'jobs')
    await traced.drain(PATIENCE)
    drained = spans(tracer, 'drain')
    assert [span.tags['amqp.event'] for span in drained] == ['NothingMuch', 'MessageReceived']
    assert all(span.tags['span.kind'] == 'consumer' for span in drained)


# -- errors


MISUSES: list[tuple[str, Callable[[Any], Any]]] = [
    ('consume', lambda cluster: cluster.consume(5)),
    ('publish', lambda cluster: cluster.publish(Message(b''), timeout=-1)),
    ('publish_many', lambda cluster: cluster.publish_many([b'no Message'])),
    ('drain', lambda cluster: cluster.drain(-1)),
]


@pytest.mark.parametrize(('name', 'call'), MISUSES)
async def test_what_is_raised_at_once_is_on_the_span(
    make_cluster: MakeCluster, tracer: MockTracer, name: str, call: Callable[[Any], Any]
) -> None:
    with pytest.raises((TypeError, ValueError)) as raised:
        await call(make_cluster(tracer=tracer))
    assert errors_of(only(tracer, name))[0]['error.object'] is raised.value


async def test_a_call_after_shutdown_ends_its_span_with_the_error(
    traced: Cluster, tracer: MockTracer
) -> None:
    await traced.shutdown()
    with pytest.raises(ConnectionDead):
        confirmed(traced, b'', 'jobs')
    assert only(tracer, 'publish').tags['error'] is True


async def test_a_message_that_is_taken_back_ends_its_span(
    make_cluster: MakeCluster, tracer: MockTracer
) -> None:
    cluster = make_cluster(port=free_port(), tracer=tracer)
    await cluster.start(wait=False)
    future = confirmed(cluster, b'', 'jobs')
    assert names(tracer) == []
    future.cancel()
    with pytest.raises(asyncio.CancelledError):
        await future
    assert errors_of(only(tracer, 'publish'))[0]['error.kind'] == 'CancelledError'


# -- from the publisher to the consumer


@pytest.mark.parametrize('inline', [False, True])
async def test_a_callback_follows_from_the_publish_of_another_cluster(
    traced: Cluster,
    tracer: MockTracer,
    face: type[Cluster],
    make_cluster: MakeCluster,
    inline: bool,
) -> None:
    receiving, active = new_tracer(face), list[Any]()
    came = Collector(lambda _: active.append(receiving.active_span))
    message = Message(b'', {'headers': {'mine': 5}})
    async with make_cluster(tracer=receiving) as receiver:
        await consume(receiver, JOBS, came, inline=inline)
        with tracer.start_active_span('request') as scope:
            await traced.publish(message, '', 'jobs', confirm=True)
        (received,) = await came.wait_for(1)

    published, processed = only(tracer, 'publish'), only(receiving, 'process')
    assert is_child(published, scope.span)
    assert is_child(processed, published)
    assert active == [processed]
    assert processed.tags['span.kind'] == 'consumer'
    assert processed.tags['message_bus.destination'] == 'jobs'
    assert processed.tags['amqp.routing_key'] == 'jobs'
    assert received.headers['mine'] == 5
    assert message.properties.headers == {'mine': 5}


async def test_a_message_that_is_sent_on_carries_the_context_of_that(
    traced: Cluster, tracer: MockTracer
) -> None:
    arrived = Collector()
    await consume(traced, Queue('second', auto_delete=True), arrived)
    first = Queue('first', auto_delete=True)
    await consume(traced, first, lambda message: traced.publish(message, '', 'second'))
    await confirmed(traced, b'', 'first')
    await arrived.wait_for(1)
    await traced.shutdown()

    by_key: dict[str, Any] = {
        name: {span.tags['amqp.routing_key']: span for span in spans(tracer, name)}
        for name in ('publish', 'process')
    }
    assert is_child(by_key['process']['first'], by_key['publish']['first'])
    assert is_child(by_key['publish']['second'], by_key['process']['first'])
    assert is_child(by_key['process']['second'], by_key['publish']['second'])


async def test_what_a_callback_raises_is_logged_on_its_span(
    traced: Cluster, tracer: MockTracer, caplog: pytest.LogCaptureFixture
) -> None:
    error = ValueError('stumbled')

    def stumble(_: ReceivedMessage) -> None:
        raise error

    await consume(traced, JOBS, stumble)
    await confirmed(traced, b'', 'jobs')
    await traced.shutdown()
    assert errors_of(only(tracer, 'process'))[0]['error.object'] is error
    assert 'raised' in caplog.text


async def test_a_consumer_that_was_made_by_hand_is_traced(
    traced: Cluster, tracer: MockTracer
) -> None:
    mine, came = tracer.start_span('mine'), Collector()
    await traced.add_consumer(Consumer(JOBS, came, span=mine))
    traced.publish(Message(b''), '', 'jobs', dont_trace=True)
    await came.wait_for(1)
    await traced.shutdown()
    assert is_child(only(tracer, 'consume'), mine)
    assert is_child(only(tracer, 'process'), mine)


async def test_a_request_and_its_reply_are_one_trace(traced: Cluster, tracer: MockTracer) -> None:
    await consume(traced, JOBS, lambda request: request.reply(b'done'))
    assert (await traced.call(b'do', 'jobs')).body == b'done'
    await traced.shutdown()

    call, processed, reply = (only(tracer, name) for name in ('call', 'process', 'reply'))
    assert is_child(processed, call)
    assert is_child(reply, processed)
    assert call.tags['span.kind'] == 'client'
