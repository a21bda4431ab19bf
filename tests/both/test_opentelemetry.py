"""OpenTelemetry spans on both faces, and a trace that crosses two processes."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from coolamqp.aio import Cluster
from coolamqp.attaches import Batch
from coolamqp.objects import Exchange, Message, MessageProperties, Queue, ReceivedMessage
from tests.both.conftest import MakeCluster
from tests.both.support import PATIENCE, Collector, confirmed, consume
from tests.conftest import NodeArguments
from tests.telemetry.support import Recorder, is_child, linked, span_id

pytestmark = pytest.mark.integration

JOBS = Queue('jobs', auto_delete=True)
# Another process: it handles one message in a span of its own, and prints its spans.
WORKER = """
import json, sys, threading
from opentelemetry import trace
from coolamqp.clustering import Cluster
from coolamqp.objects import Queue
from tests.telemetry.support import Recorder

recorder, done = Recorder(), threading.Event()

def on_message(message):
    with recorder.tracer.start_as_current_span('work'):
        message.ack()
    done.set()

with Cluster(sys.argv[1], tracer=recorder.tracer) as cluster:
    cluster.consume(Queue('jobs', auto_delete=True), on_message, no_ack=False)[1].result(30)
    print('ready', flush=True)
    done.wait(30)
print(json.dumps([json.loads(span.to_json()) for span in recorder.spans]))
"""


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def traced(make_cluster: MakeCluster, recorder: Recorder) -> Cluster:
    """A Cluster with a tracer; the runner of the test enters it."""
    return make_cluster(tracer=recorder.tracer)


async def test_a_message_is_one_trace_from_publish_to_ack(
    traced: Cluster, recorder: Recorder, node_arguments: NodeArguments
) -> None:
    def work(message: ReceivedMessage) -> None:
        with recorder.tracer.start_as_current_span('work'):
            message.ack()

    came = Collector(work)
    await consume(traced, JOBS, came, no_ack=False)
    with recorder.tracer.start_as_current_span('order'):
        await confirmed(traced, b'', 'jobs', MessageProperties(message_id='m1'))
    await came.wait_for(1)
    await traced.shutdown()

    order, publish, process, ack = (
        recorder.only(name) for name in ('order', 'publish jobs', 'process jobs', 'ack jobs')
    )
    assert is_child(publish, order)
    assert is_child(process, publish)
    assert linked(process) == [span_id(publish)]
    assert is_child(recorder.only('work'), process)
    assert is_child(ack, recorder.only('work'))
    kinds = [span.kind for span in (publish, process, ack)]
    assert kinds == [SpanKind.PRODUCER, SpanKind.CONSUMER, SpanKind.CLIENT]
    for span in (publish, process):
        assert span.attributes is not None
        assert span.attributes['messaging.destination.name'] == 'jobs'
        assert span.attributes['messaging.message.id'] == 'm1'
        assert span.attributes['server.port'] == node_arguments['port']
    assert process.attributes is not None
    assert ack.attributes is not None
    tag = 'messaging.rabbitmq.message.delivery_tag'
    assert process.attributes[tag] == ack.attributes[tag] == 1


@pytest.mark.parametrize(
    ('settle', 'name'),
    [
        (lambda message: message.nack(requeue=False), 'nack jobs'),
        (lambda message: message.reject(), 'reject jobs'),
    ],
)
async def test_every_way_to_settle_is_a_span(
    traced: Cluster, recorder: Recorder, settle: Callable[[ReceivedMessage], Any], name: str
) -> None:
    came = Collector(settle)
    await consume(traced, JOBS, came, no_ack=False)
    await confirmed(traced, b'', 'jobs')
    await came.wait_for(1)
    await traced.shutdown()

    assert is_child(recorder.only(name), recorder.only('process jobs'))


async def test_a_coroutine_keeps_its_span_while_it_waits(
    traced: Cluster, recorder: Recorder
) -> None:
    spans: list[tuple[trace.Span, trace.Span]] = []
    go_on = asyncio.Event()

    async def work(message: ReceivedMessage) -> None:
        before = trace.get_current_span()
        await asyncio.sleep(0)
        spans.append((before, trace.get_current_span()))
        if len(spans) == 2:
            go_on.set()

    await consume(traced, JOBS, work, workers=2)
    await asyncio.gather(*(confirmed(traced, b'', 'jobs') for _ in range(2)))
    await go_on.wait()
    await traced.shutdown()

    assert all(before is after for before, after in spans)


async def test_a_message_without_confirm_and_many_at_once_are_traced(
    traced: Cluster, recorder: Recorder
) -> None:
    came = Collector()
    await consume(traced, JOBS, came)
    traced.publish(Message(b''), routing_key='jobs')
    await came.wait_for(1)
    recorder.reset()
    await asyncio.gather(*traced.publish_many([Message(b'')] * 3, routing_key='jobs'))
    await came.wait_for(4)
    await traced.shutdown()

    batch = recorder.only('publish jobs')
    assert batch.attributes is not None
    assert batch.attributes['messaging.batch.message_count'] == 3
    processed = [span for span in recorder.spans if span.name == 'process jobs']
    assert len([span for span in processed if is_child(span, batch)]) == 3


async def test_receiving_is_linked_to_the_publish(traced: Cluster, recorder: Recorder) -> None:
    await traced.declare(Queue('fetched'))
    await confirmed(traced, b'', 'fetched')
    await traced.get('fetched', no_ack=True)
    await traced.get('fetched', no_ack=True)
    await traced.delete_queue('fetched')

    publish = recorder.only('publish fetched')
    found, empty = [span for span in recorder.spans if span.name == 'get fetched']
    assert (linked(found), linked(empty)) == ([span_id(publish)], [])
    assert found.kind is SpanKind.CLIENT

    await consume(traced, JOBS)
    recorder.reset()
    await confirmed(traced, b'', 'jobs')
    await traced.drain(PATIENCE)
    assert linked(recorder.only('drain')) == [span_id(recorder.only('publish jobs'))]


async def test_each_step_of_an_iteration_is_linked_to_the_publish(
    traced: Cluster, recorder: Recorder
) -> None:
    await traced.declare(Queue('walked'))
    await confirmed(traced, b'', 'walked')
    async with traced.messages(Queue('walked')) as messages:
        message = await anext(messages)
        message.ack()
    step = recorder.only('receive walked')
    assert linked(step) == [span_id(recorder.only('publish walked'))]
    assert step.kind is SpanKind.CLIENT


async def test_the_messages_of_a_transaction_carry_the_span_of_its_commit(
    traced: Cluster, recorder: Recorder
) -> None:
    came = Collector()
    await consume(traced, JOBS, came)
    async with traced.transaction() as transaction:
        transaction.publish(Message(b'one'), routing_key='jobs')
        transaction.publish(Message(b'two', {'headers': {'mine': 1}}), routing_key='jobs')
    first, second = await came.wait_for(2)
    await traced.shutdown()

    assert (first.body, second.headers['mine']) == (b'one', 1)
    commit = recorder.only('commit')
    assert commit.attributes is not None
    assert commit.attributes['messaging.batch.message_count'] == 2
    processed = [span for span in recorder.spans if span.name == 'process jobs']
    assert [is_child(span, commit) for span in processed] == [True, True]


async def test_a_batch_is_linked_to_all_that_have_published_it(
    traced: Cluster, recorder: Recorder
) -> None:
    batches = Collector(Batch.ack)
    await consume(traced, JOBS, batches, no_ack=False, batch=2)
    await asyncio.gather(*(confirmed(traced, b'', 'jobs') for _ in range(2)))
    await batches.wait_for(1)
    await traced.shutdown()

    published = [span for span in recorder.spans if span.name == 'publish jobs']
    batch = recorder.only('process jobs')
    assert batch.parent is None
    assert {*linked(batch)} == {span_id(span) for span in published}


async def test_a_request_and_its_reply_are_one_trace(traced: Cluster, recorder: Recorder) -> None:
    await consume(traced, JOBS, lambda request: request.reply(b'done'))
    assert (await traced.call(b'do', 'jobs')).body == b'done'
    await traced.shutdown()

    call, process, reply = (recorder.only(each) for each in ('call jobs', 'process jobs', 'reply'))
    assert is_child(process, call)
    assert is_child(reply, process)
    assert linked(call) == [span_id(reply)]
    for span in (call, process):
        assert span.attributes is not None
        assert span.attributes['messaging.rabbitmq.destination.routing_key'] == 'jobs'


async def test_a_refused_call_has_its_error(traced: Cluster, recorder: Recorder) -> None:
    with pytest.raises(Exception, match='404'):
        await traced.publish(Message(b''), Exchange('missing'), 'key', confirm=True)

    span = recorder.only('publish missing')
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes is not None
    assert span.attributes['error.type'] == 'coolamqp.exceptions.AMQPError'
    assert span.attributes['messaging.destination.name'] == 'missing:key'


async def test_dont_trace_makes_no_span(traced: Cluster, recorder: Recorder) -> None:
    came = Collector(lambda message: message.ack())
    await traced.consume(JOBS, came, no_ack=False, dont_trace=True)[1]
    await traced.publish(Message(b''), routing_key='jobs', confirm=True, dont_trace=True)
    (message,) = await came.wait_for(1)
    await traced.shutdown()

    assert message.headers == {}
    assert recorder.names == []


async def test_the_parent_may_be_given(traced: Cluster, recorder: Recorder) -> None:
    with recorder.tracer.start_as_current_span('given') as given:
        pass
    await traced.declare(JOBS, span=given)
    await traced.publish(Message(b''), '', 'jobs', span=given, confirm=True)

    for name in ('declare jobs', 'publish jobs'):
        assert is_child(recorder.only(name), recorder.only('given'))


async def test_a_trace_crosses_two_processes(
    traced: Cluster, recorder: Recorder, broker_url: str
) -> None:
    worker = await asyncio.create_subprocess_exec(
        sys.executable, '-c', WORKER, broker_url, stdout=asyncio.subprocess.PIPE
    )
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b'ready\n'
    with recorder.tracer.start_as_current_span('order'):
        await confirmed(traced, b'', 'jobs')
    printed, _ = await worker.communicate()
    theirs = {span['name']: span for span in json.loads(printed)}

    publish = recorder.only('publish jobs')
    assert publish.context is not None
    in_trace = f'0x{publish.context.trace_id:032x}'
    assert [
        theirs[name]['context']['trace_id'] for name in ('process jobs', 'work', 'ack jobs')
    ] == [in_trace] * 3
    assert theirs['process jobs']['parent_id'] == f'0x{span_id(publish):016x}'
    assert theirs['process jobs']['kind'] == 'SpanKind.CONSUMER'
    assert theirs['work']['parent_id'] == theirs['process jobs']['context']['span_id']
    assert theirs['ack jobs']['parent_id'] == theirs['work']['context']['span_id']
