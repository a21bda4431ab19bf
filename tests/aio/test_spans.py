"""OpenTracing spans as only asyncio has them: around coroutine functions, and cancelled calls."""

from __future__ import annotations

import asyncio

import pytest
from opentracing.mocktracer import MockTracer
from opentracing.scope_managers.asyncio import AsyncioScopeManager

from coolamqp.objects import Queue
from tests.both.conftest import MakeCluster
from tests.both.support import Collector, confirmed, consume
from tests.telemetry.support import errors_of, only

pytestmark = pytest.mark.integration

QUEUE = Queue('q', auto_delete=True)


async def test_the_span_of_a_coroutine_function_is_active_to_its_end(
    make_cluster: MakeCluster,
) -> None:
    tracer, active = MockTracer(AsyncioScopeManager()), Collector()

    async def on_message(_: object) -> None:
        await asyncio.sleep(0)
        active(tracer.active_span)
        raise ValueError('on purpose')

    async with make_cluster(tracer=tracer) as cluster:
        await consume(cluster, QUEUE, on_message)
        await confirmed(cluster, b'', 'q')
        await active.wait_for(1)
    process = only(tracer, 'process')
    assert active.items == [process]
    assert process.parent_id == only(tracer, 'publish').context.span_id
    assert errors_of(process)[0]['message'] == 'on purpose'


async def test_a_call_that_is_cancelled_ends_its_span(make_cluster: MakeCluster) -> None:
    tracer = MockTracer(AsyncioScopeManager())
    async with make_cluster(tracer=tracer) as cluster:
        await cluster.declare(QUEUE)
        cluster.call(b'', 'q', timeout=None).cancel()
        assert errors_of(only(tracer, 'call'))[0]['error.kind'] == 'CancelledError'
