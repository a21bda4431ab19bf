"""OpenTracing spans around the awaited calls of a Cluster and around its callbacks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentracing.mocktracer import MockTracer
from opentracing.scope_managers.asyncio import AsyncioScopeManager

from coolamqp.aio import Cluster
from coolamqp.exceptions import AMQPError
from coolamqp.objects import Message, NodeDefinition, Queue
from tests.aio.support import soon
from tests.telemetry.support import errors_of, only, spans

pytestmark = pytest.mark.integration

QUEUE = Queue('q', auto_delete=True)


@pytest.fixture
def tracer() -> MockTracer:
    return MockTracer(AsyncioScopeManager())


async def test_a_call_is_a_span_that_has_ended_when_the_future_has(
    node: NodeDefinition, tracer: MockTracer
) -> None:
    async with Cluster(node, tracer=tracer) as cluster:
        await soon(cluster.declare(QUEUE))
        assert only(tracer, 'declare').tags['message_bus.destination'] == 'q'
        with pytest.raises(AMQPError):
            await soon(cluster.declare(Queue('q', durable=True)))
        assert errors_of(spans(tracer, 'declare')[1])
        await soon(cluster.publish(Message(b''), routing_key='q', confirm=True))
        await cluster.publish(Message(b''), routing_key='q')
        await asyncio.gather(*cluster.publish_many([Message(b'')] * 3, routing_key='q'))
        assert len(spans(tracer, 'publish')) == 2
        only(tracer, 'publish_many')
        await cluster.drain(0)
        assert only(tracer, 'drain').tags['amqp.event'] == 'NothingMuch'
        cluster.call(b'', 'q', timeout=None).cancel()
        assert errors_of(only(tracer, 'call'))
        tracer.reset()
        cluster.publish(Message(b''), dont_trace=True)
        assert tracer.finished_spans() == []


@pytest.mark.parametrize('inline', [False, True])
async def test_a_message_carries_its_trace_into_the_callback(
    node: NodeDefinition, tracer: MockTracer, inline: bool
) -> None:
    seen = asyncio.Event()

    def plain(_: object) -> None:
        span = tracer.active_span
        assert span is not None
        span.set_tag('seen', True)
        seen.set()

    async def later(message: Any) -> None:
        await asyncio.sleep(0)
        plain(message)

    async with Cluster(node, tracer=tracer) as cluster:
        on_message = plain if inline else later
        await soon(cluster.consume(QUEUE, on_message, inline=inline)[1])
        await soon(cluster.publish(Message(b''), routing_key='q', confirm=True))
        await soon(seen.wait())
    process = only(tracer, 'process')
    assert process.tags['seen']
    assert process.parent_id == only(tracer, 'publish').context.span_id


async def test_what_a_callback_raises_is_on_its_span(
    node: NodeDefinition, tracer: MockTracer
) -> None:
    async def on_message(_: object) -> None:
        await asyncio.sleep(0)
        raise ValueError('on purpose')

    async with Cluster(node, tracer=tracer) as cluster:
        await soon(cluster.consume(QUEUE, on_message)[1])
        await soon(cluster.publish(Message(b''), routing_key='q', confirm=True))
    assert errors_of(only(tracer, 'process'))


async def test_without_spans_for_its_callbacks(node: NodeDefinition, tracer: MockTracer) -> None:
    seen = asyncio.Event()
    async with Cluster(node, tracer=tracer) as cluster:
        await soon(cluster.consume(QUEUE, lambda _: seen.set(), dont_trace=True)[1])
        await soon(cluster.publish(Message(b''), routing_key='q', confirm=True))
        await soon(seen.wait())
    assert spans(tracer, 'process') == []
