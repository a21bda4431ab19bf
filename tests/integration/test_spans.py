"""OpenTracing spans around the calls of a Cluster and around its callbacks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from opentracing.mocktracer import MockTracer

from coolamqp.attaches import Consumer
from coolamqp.clustering import Cluster, MessageReceived, NothingMuch
from coolamqp.clustering.future import ClusterFuture
from coolamqp.exceptions import AMQPError, ConnectionDead, Returned
from coolamqp.objects import Exchange, Message, NodeDefinition, Queue, ReceivedMessage
from tests.conftest import MakeCluster, NodeArguments
from tests.integration.support import PATIENCE, Collector, await_event, confirmed, consume
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


def names(tracer: MockTracer) -> list[Any]:
    return [span.operation_name for span in tracer.finished_spans()]


def is_child(span: Any, parent: Any) -> bool:
    same_trace = span.context.trace_id == parent.context.trace_id
    return bool(same_trace and span.parent_id == parent.context.span_id)


# Calls


def test_every_call_with_a_future_is_a_span_that_has_ended_when_the_future_has(
    traced: Cluster, tracer: MockTracer, node_arguments: NodeArguments
) -> None:
    orders, archive = Exchange('orders'), Exchange('archive')
    calls: list[tuple[str, str, Callable[[], ClusterFuture]]] = [
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
        call().result(PATIENCE)

        span = only(tracer, name)
        assert names(tracer) == [name]
        assert span.tags['component'] == 'coolamqp'
        assert span.tags['message_bus.destination'] == destination
        assert span.tags['peer.hostname'] == node_arguments['host']
        assert span.tags['peer.port'] == node_arguments['port']
        assert errors_of(span) == []


def test_the_parent_is_the_span_given_or_else_the_active_one(
    traced: Cluster, tracer: MockTracer
) -> None:
    given = tracer.start_span('given')
    exchange = Exchange('orders', durable=False, auto_delete=True)
    for parent in (given, None):
        tracer.reset()
        with tracer.start_active_span('active') as scope:
            traced.declare(exchange, span=parent).result(PATIENCE)
            traced.consume(Queue(), span=parent)[1].result(PATIENCE)
            traced.declare(JOBS, span=parent).result(PATIENCE)
            traced.bind(JOBS, exchange, '', span=parent).result(PATIENCE)
            confirmed_span = traced.publish(Message(b''), span=parent, confirm=True)
            assert confirmed_span is not None
            confirmed_span.result(PATIENCE)
            traced.publish(Message(b''), span=parent)
            traced.drain(0, span=parent)
            expected = given if parent is not None else scope.span
        for name in ('declare', 'consume', 'bind', 'publish', 'drain'):
            assert all(is_child(span, expected) for span in spans(tracer, name)), name
            assert spans(tracer, name), name


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


def test_dont_trace_makes_no_span(traced: Cluster, tracer: MockTracer) -> None:
    came = Collector()
    given = tracer.start_span('given')
    quiet: dict[str, Any] = {'span': given, 'dont_trace': True}
    traced.declare(JOBS, **quiet).result(PATIENCE)
    traced.declare(Exchange('orders', durable=False), **quiet).result(PATIENCE)
    traced.bind(JOBS, 'orders', '', **quiet).result(PATIENCE)
    traced.consume(JOBS, came, **quiet)[1].result(PATIENCE)
    traced.publish(Message(b'1'), '', 'jobs', confirm=True, **quiet).result(PATIENCE)
    traced.publish(Message(b'2'), '', 'jobs', **quiet)
    traced.drain(0, **quiet)
    messages = came.wait_for(2)
    traced.shutdown()

    assert names(tracer) == []
    assert [message.headers for message in messages] == [{}, {}]


def test_without_a_tracer_there_is_no_span_and_no_header(
    cluster: Cluster, tracer: MockTracer
) -> None:
    came = Collector()
    consume(cluster, JOBS, came)
    with tracer.start_active_span('active'):
        confirmed(cluster, b'', 'jobs').result(PATIENCE)

    assert came.wait_for(1)[0].headers == {}
    assert names(tracer) == ['active']


def test_publishing_is_tagged_as_the_conventions_say(traced: Cluster, tracer: MockTracer) -> None:
    traced.declare(Exchange('orders', durable=False, auto_delete=True)).result(PATIENCE)
    confirmed_future = traced.publish(Message(b''), 'orders', 'new', confirm=True)
    confirmed_future.result(PATIENCE)

    tags = only(tracer, 'publish').tags
    assert tags['span.kind'] == 'producer'
    assert tags['message_bus.destination'] == 'orders'
    assert tags['amqp.routing_key'] == 'new'


def test_many_messages_are_published_in_one_span_which_all_of_them_carry(
    traced: Cluster, tracer: MockTracer
) -> None:
    came = Collector()
    consume(traced, JOBS, came)
    traced.publish_many([Message(b'1'), (Message(b'2'), '', 'jobs')], '', 'jobs')
    came.wait_for(2)
    traced.shutdown()

    published = only(tracer, 'publish_many')
    assert [is_child(span, published) for span in spans(tracer, 'process')] == [True, True]


# Errors


def test_what_the_broker_refuses_is_on_the_span(traced: Cluster, tracer: MockTracer) -> None:
    error = traced.declare(Queue('absent'), passive=True).exception(PATIENCE)

    assert isinstance(error, AMQPError)
    span = only(tracer, 'declare')
    assert span.tags['error'] is True
    assert errors_of(span) == [
        {
            'event': 'error',
            'error.kind': 'AMQPError',
            'error.object': error,
            'message': str(error),
        }
    ]


def test_a_returned_message_is_an_error_of_its_publish(traced: Cluster, tracer: MockTracer) -> None:
    future = traced.publish(Message(b''), '', 'nowhere', confirm=True, mandatory=True)
    error = future.exception(PATIENCE)

    assert isinstance(error, Returned)
    assert errors_of(only(tracer, 'publish'))[0]['error.object'] is error


MISUSES: list[tuple[str, Callable[[Any], Any]]] = [
    ('declare', lambda cluster: cluster.declare(Queue())),
    ('bind', lambda cluster: cluster.bind('jobs', 'x' * 256, '')),
    ('consume', lambda cluster: cluster.consume('jobs')),
    ('publish', lambda cluster: cluster.publish(b'no Message')),
    ('publish', lambda cluster: cluster.publish(Message(b''), timeout=-1)),
    ('publish_many', lambda cluster: cluster.publish_many([b'no Message'])),
    ('drain', lambda cluster: cluster.drain(-1)),
    ('get', lambda cluster: cluster.get(Queue())),
    ('call', lambda cluster: cluster.call('text', 'jobs')),
]


@pytest.mark.parametrize(('name', 'call'), MISUSES)
def test_what_is_raised_at_once_is_on_the_span(
    node_arguments: NodeArguments,
    tracer: MockTracer,
    name: str,
    call: Callable[[Any], Any],
) -> None:
    cluster = Cluster(NodeDefinition(**node_arguments), tracer=tracer)
    with pytest.raises((TypeError, ValueError)) as raised:
        call(cluster)

    assert errors_of(only(tracer, name))[0]['error.object'] is raised.value


def test_a_call_after_shutdown_ends_its_span_with_the_error(
    traced: Cluster, tracer: MockTracer
) -> None:
    traced.shutdown()
    with pytest.raises(ConnectionDead):
        traced.publish(Message(b''), '', 'jobs', confirm=True)

    assert only(tracer, 'publish').tags['error'] is True


def test_a_message_that_is_taken_back_ends_its_span(
    make_cluster: MakeCluster, tracer: MockTracer
) -> None:
    cluster = make_cluster(port=1, tracer=tracer)  # where nobody listens
    cluster.start(wait=False)
    future = confirmed(cluster, b'', 'jobs')
    assert names(tracer) == []

    assert future.cancel()
    assert errors_of(only(tracer, 'publish'))[0]['error.kind'] == 'CancelledError'


def test_a_future_of_the_program_ends_the_span_too(traced: Cluster, tracer: MockTracer) -> None:
    notified = ClusterFuture(traced._core)
    traced.consume(JOBS, print, future_to_notify=notified)[1].result(PATIENCE)
    traced.shutdown()

    assert errors_of(only(tracer, 'consume')) == []


# From the publisher to the consumer


def test_a_callback_follows_from_the_publish_of_another_cluster(
    traced: Cluster, tracer: MockTracer, make_cluster: MakeCluster
) -> None:
    receiving = MockTracer()
    receiver = make_cluster(tracer=receiving)
    receiver.start()
    active: list[Any] = []
    came = Collector(lambda _: active.append(receiving.active_span))
    consume(receiver, JOBS, came)
    with tracer.start_active_span('request') as scope:
        message = Message(b'', {'headers': {'mine': 5}})
        traced.publish(message, '', 'jobs', confirm=True).result(PATIENCE)
    (received,) = came.wait_for(1)
    receiver.shutdown()

    published, processed = only(tracer, 'publish'), only(receiving, 'process')
    assert is_child(published, scope.span)
    assert is_child(processed, published)
    assert active == [processed]
    assert processed.tags['span.kind'] == 'consumer'
    assert processed.tags['message_bus.destination'] == 'jobs'
    assert processed.tags['amqp.routing_key'] == 'jobs'
    assert received.headers['mine'] == 5
    assert message.properties.headers == {'mine': 5}


def test_calls_in_a_callback_are_children_of_its_span(traced: Cluster, tracer: MockTracer) -> None:
    done = threading.Event()

    def pass_on(message: ReceivedMessage) -> None:
        traced.publish(message, '', 'jobs.done', confirm=True).result(PATIENCE)
        done.set()

    consume(traced, JOBS, pass_on)
    confirmed(traced, b'', 'jobs').result(PATIENCE)
    await_event(done, 'the callback')
    traced.shutdown()

    first, second = spans(tracer, 'publish')
    processed = only(tracer, 'process')
    assert is_child(processed, first)
    assert is_child(second, processed)


def test_a_message_that_is_sent_on_carries_the_context_of_that(
    traced: Cluster, tracer: MockTracer
) -> None:
    arrived = Collector()
    consume(traced, Queue('second', auto_delete=True), arrived)
    consume(
        traced,
        Queue('first', auto_delete=True),
        lambda message: traced.publish(message, '', 'second'),
    )
    confirmed(traced, b'', 'first').result(PATIENCE)
    arrived.wait_for(1)
    traced.shutdown()

    sent_on = next(
        span for span in spans(tracer, 'publish') if span.tags['amqp.routing_key'] == 'second'
    )
    processed = next(
        span for span in spans(tracer, 'process') if span.tags['amqp.routing_key'] == 'second'
    )
    assert is_child(processed, sent_on)


def test_what_a_callback_raises_is_logged_on_its_span(
    traced: Cluster, tracer: MockTracer, caplog: pytest.LogCaptureFixture
) -> None:
    error = ValueError('stumbled')

    def stumble(message: ReceivedMessage) -> None:
        raise error

    came = Collector(stumble)
    consume(traced, JOBS, came)
    consume(traced, Queue('next', auto_delete=True), came)
    confirmed(traced, b'', 'jobs').result(PATIENCE)
    traced.shutdown()

    assert errors_of(only(tracer, 'process'))[0]['error.object'] is error
    assert 'raised' in caplog.text


def test_a_consumer_that_was_made_by_hand_is_traced(traced: Cluster, tracer: MockTracer) -> None:
    mine = tracer.start_span('mine')
    came = Collector()
    traced.add_consumer(Consumer(JOBS, came, span=mine)).result(PATIENCE)
    traced.publish(Message(b''), '', 'jobs', dont_trace=True)
    came.wait_for(1)
    traced.shutdown()

    assert is_child(only(tracer, 'consume'), mine)
    assert is_child(only(tracer, 'process'), mine)


def test_a_request_and_its_reply_are_one_trace(traced: Cluster, tracer: MockTracer) -> None:
    consume(traced, JOBS, lambda request: request.reply(b'done'))
    assert traced.call(b'do', 'jobs').result(PATIENCE).body == b'done'
    traced.shutdown()

    call, processed, reply = (only(tracer, name) for name in ('call', 'process', 'reply'))
    assert is_child(processed, call)
    assert is_child(reply, processed)
    assert call.tags['span.kind'] == 'client'


# Draining


def test_draining_is_a_span_that_tells_what_came(traced: Cluster, tracer: MockTracer) -> None:
    consume(traced, JOBS)
    assert isinstance(traced.drain(0), NothingMuch)
    confirmed(traced, b'', 'jobs').result(PATIENCE)
    assert isinstance(traced.drain(PATIENCE), MessageReceived)

    assert [span.tags['amqp.event'] for span in spans(tracer, 'drain')] == [
        'NothingMuch',
        'MessageReceived',
    ]
    assert all(span.tags['span.kind'] == 'consumer' for span in spans(tracer, 'drain'))


class BrokenTracer(MockTracer):
    """A tracer that cannot make spans."""

    def start_span(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError('the collector is away')


def test_a_tracer_that_cannot_begin_spans_costs_neither_call_nor_message(
    make_cluster: MakeCluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = make_cluster(tracer=BrokenTracer())
    cluster.start()
    collector = Collector()
    consume(cluster, JOBS, collector)

    confirmed(cluster, b'x', 'jobs').result(PATIENCE)

    collector.wait_for(1)
    assert 'the collector is away' in caplog.text
