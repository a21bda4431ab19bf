"""The core of a Cluster: commands under its lock, and refusals."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from coolamqp.api.core import is_coroutine_function
from coolamqp.api.event_queue import EventQueue
from coolamqp.attaches import Consumer
from coolamqp.attaches.consumer import subscription_of
from coolamqp.attaches.effects import Effects
from coolamqp.attaches.events import AllNodesRefused, TopologyRestored
from coolamqp.attaches.publication import Publication
from coolamqp.attaches.requester import Request
from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import Message, Queue
from coolamqp.supervisor.engine import Engine
from coolamqp.tracing import Call
from tests.api.core import SmallCore
from tests.api.support import Span, Tracer
from tests.support.deliveries import deliveries
from tests.support.scripted_broker import NODE

REFUSED = [(NODE, ConnectionDead('access refused'))]


@pytest.fixture
def core() -> SmallCore:
    return SmallCore()


def refuse(_engine: Engine, _promise: Any) -> None:
    pytest.fail('the command is carried out')


# Commands


def test_a_cluster_that_was_not_started_takes_no_commands(core: SmallCore) -> None:
    with pytest.raises(RuntimeError, match='not started yet'):
        core.command(refuse)
    with pytest.raises(RuntimeError, match='not started yet'):
        core.consume(Consumer(Queue('q'), None), None)


def test_a_cluster_that_was_shut_down_takes_no_commands(core: SmallCore) -> None:
    driver = core.start()
    core.engine.stop(core.time.now)
    with pytest.raises(ConnectionDead, match='was shut down'):
        core.command(refuse)
    assert driver.notified == 0
    assert core.begun() is driver


def test_a_command_is_carried_out_under_the_lock_and_the_driver_looks_at_the_engine(
    core: SmallCore,
) -> None:
    driver = core.start()
    carried_out: list[object] = []

    def command(engine: Engine, promise: Any) -> None:
        assert core.lock.held
        carried_out.append((engine, promise))

    future = core.command(command)
    assert carried_out == [(core.engine, future)]
    assert driver.notified == 1


def test_a_timeout_counts_from_the_call_however_long_the_engine_was_not_woken(
    core: SmallCore,
) -> None:
    core.start()
    core.up()
    core.time.now += 20.0
    future = core.command(
        lambda engine, promise: engine.request(Request(Message(b'?'), b'server', 5.0, promise))
    )
    core.tick(0)
    core.tick(4.9)
    assert not future.done()
    core.tick(0.1)
    assert isinstance(future.exception(0), TimeoutError)


def test_a_consumer_that_cannot_be_called_is_refused(core: SmallCore) -> None:
    core.start()
    with pytest.raises(TypeError, match='not print'):
        core.consume(Consumer(Queue('q'), print), None)


def test_the_messages_of_a_consumer_without_callback_wait_for_drain_or_in_their_own_inbox(
    core: SmallCore,
) -> None:
    core.start()
    own = EventQueue()
    common, iterated = (Consumer(Queue(name), None) for name in ('common', 'iterated'))
    core.consume(common, None)
    core.consume(iterated, None, own)
    assert subscription_of(common).mailbox.inbox is core.inbox
    assert subscription_of(iterated).mailbox.inbox is own


def test_the_future_of_a_consumer_ends_its_span_too(core: SmallCore) -> None:
    core.start()
    broker = core.up()
    future, span = Future[Any](), Span(Call('consume'), None)
    consumer = Consumer(Queue('q'), None, future_to_notify=future)
    assert core.consume(consumer, span) is future
    broker.serve()
    assert future.result(0) is None
    assert span.ends == [None]


# For consumers and messages


@pytest.mark.parametrize('started', [True, False])
def test_cancelling_succeeds_at_once_where_nothing_consumes(core: SmallCore, started: bool) -> None:
    subscription = subscription_of(Consumer(Queue('q'), None))
    if started:
        core.start()
        core.engine.abort()
    assert core.cancel(subscription, 10.0).result(0) is None


def test_cancelling_ends_when_the_broker_has_answered(core: SmallCore) -> None:
    driver = core.start()
    broker = core.up()
    consumer = Consumer(Queue('q'), None)
    core.consume(consumer, None)
    broker.serve()
    notified = driver.notified
    future = core.cancel(subscription_of(consumer), 10.0)
    assert not future.done()
    assert driver.notified == notified + 1
    broker.serve()
    assert not future.done()
    for hook in core.dispatcher.hooks:
        hook.function(*hook.arguments)
    core.engine.tick(core.time.now)
    broker.serve()
    assert future.result(0) is None


def test_a_settlement_wakes_the_driver_once_until_it_is_sent(core: SmallCore) -> None:
    driver = core.start()
    broker = core.up()
    consumer = Consumer(Queue('q'), None, no_ack=False)
    core.consume(consumer, None)
    broker.serve()
    channel = broker.consumers.popitem()[0]
    driver.notified = 0
    for tag in (1, 2, 3):
        broker.deliver(channel, tag)
    for message in core.dispatcher.messages:
        message.ack()
    assert driver.notified == 1
    assert [method.NAME for method in broker.methods()] == ['basic.ack']


def test_a_message_that_a_consumer_passes_on_goes_to_its_mailbox(core: SmallCore) -> None:
    subscription = subscription_of(Consumer(Queue('q'), None))
    (message,) = deliveries(1)
    core.deliver(subscription, message)
    assert core.dispatcher.delivered == [(subscription.mailbox, message)]


def test_a_reply_is_published_with_the_context_of_its_span(core: SmallCore) -> None:
    core.tracer = tracer = Tracer()
    core.start()
    broker = core.up()
    core.publish_reply(Message(b'4'), b'asker')
    broker.serve()
    (reply,) = broker.published
    assert (reply.exchange, reply.routing_key, reply.body) == (b'', b'asker', b'4')
    assert b'this one' in reply.properties.encoded
    assert tracer.spans[0].call.name == 'reply'


# Starting


def test_a_start_that_fails_says_why(core: SmallCore) -> None:
    assert str(core.no_connection(3)) == 'cannot connect: no answer within 3 s'
    core.start()
    link = core.engine.link
    assert link is not None
    core.engine.link_failed(link, OSError('no way there'), core.time.now)
    assert 'no way there' in str(core.no_connection(3))


def test_a_start_has_ended_when_it_succeeds_or_all_nodes_have_refused(core: SmallCore) -> None:
    core.start()
    assert not core.start_has_ended()
    effects = Effects()
    effects.report(AllNodesRefused(list(REFUSED)))
    core.carry_out(effects)
    assert core.start_has_ended()
    assert 'access refused' in str(core.no_connection(3))

    effects = Effects()
    effects.report(TopologyRestored(NODE))
    core.carry_out(effects)
    assert not core.start_has_ended()
    core.up()
    assert core.start_has_ended()


def test_waiting_for_a_connection_ends_when_there_will_not_be_one(core: SmallCore) -> None:
    core.start()
    assert not core.is_up_or_ending()
    assert not core.start_has_ended()
    core.engine.stop(core.time.now)
    assert core.is_up_or_ending()
    assert core.start_has_ended()


async def coroutine_function(_message: object) -> None:
    """Do nothing."""


class Awaited:
    async def __call__(self, message: object) -> None:
        """Do nothing."""


def test_what_returns_something_to_await() -> None:
    assert is_coroutine_function(coroutine_function)
    assert is_coroutine_function(Awaited())
    assert not is_coroutine_function(print)
    assert not is_coroutine_function(None)


# Calls that have interrupted the engine


def test_a_command_that_has_interrupted_the_engine_is_carried_out_before_the_next(
    core: SmallCore,
) -> None:
    core.start()
    carried_out: list[str] = []
    with core.lock:
        core.command(lambda _engine, _promise: carried_out.append('interrupting'))
        assert carried_out == []
    assert core.done == ['wake']
    core.command(lambda _engine, _promise: carried_out.append('next'))
    assert carried_out == ['interrupting', 'next']


def test_a_command_that_has_interrupted_a_shutdown_fails(core: SmallCore) -> None:
    core.start()
    with core.lock:
        future = core.command(refuse)
        core.engine.stop(core.time.now)
        with pytest.raises(ConnectionDead):
            core.command(refuse)
    core.postponed.carry_out()
    core.carry_out(core.engine.take_effects())
    assert isinstance(future.exception(0), ConnectionDead)


def test_a_cancellation_that_has_interrupted_the_engine_succeeds(core: SmallCore) -> None:
    core.start()
    consumer = Consumer(Queue('q'), None)
    core.consume(consumer, None)
    with core.lock:
        future = core.cancel(subscription_of(consumer), None)
    assert not future.done()
    core.postponed.carry_out()
    core.carry_out(core.engine.take_effects())
    assert future.result(0) is None


def test_a_shutdown_that_has_interrupted_the_engine_returns_messages_without_the_lock(
    core: SmallCore,
) -> None:
    core.start()
    core.consume(Consumer(Queue('q'), None), None)
    with core.lock:
        core.stop(None, wait=False)
        assert not core.stopped
        core.postponed.carry_out()
    (return_waiting,) = core.late
    return_waiting()
    assert not core.engine.takes_commands


# Warnings


def warnings_of(warn: Callable[[], None]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        warn()
    return [str(each.message) for each in caught]


def test_a_running_core_warns_with_the_number_of_unconfirmed_messages(core: SmallCore) -> None:
    assert warnings_of(core.warn_if_running) == []
    core.start()
    assert warnings_of(core.warn_of_unconfirmed) == []
    core.engine.window.publish(Publication(Message(b'x'), b'', b'q'))
    with pytest.warns(ResourceWarning, match='billing: .* not shut down; unconfirmed messages: 1'):
        core.warn_if_running()
    with pytest.warns(ResourceWarning, match='unconfirmed messages: 1'):
        core.warn_of_unconfirmed()


def test_a_core_that_was_shut_down_does_not_warn(core: SmallCore) -> None:
    core.start()
    core.stop(None, wait=False)
    assert warnings_of(core.warn_if_running) == []
