"""A subscription: setting up, messages and their acks, being cancelled, and coming back."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from coolamqp.attaches import BodyReceiveMode, Consumer
from coolamqp.attaches.channeler import RETRY_SECONDS_MAX, ST_OFFLINE, ST_ONLINE, ST_SYNCING
from coolamqp.attaches.consumer import subscription_of
from coolamqp.attaches.consumer_options import STOP_TIMEOUT
from coolamqp.attaches.events import (
    ConnectionLost,
    ConsumerCancelledByBroker,
)
from coolamqp.attaches.mailbox import Mailbox
from coolamqp.exceptions import AMQPError, CoolAMQPError
from coolamqp.framing.definitions import (
    BasicAck,
    BasicCancel,
    BasicConsume,
    BasicNack,
    BasicQos,
    ChannelClose,
    ChannelCloseOk,
    ChannelOpen,
    ConnectionTune,
    ExchangeDeclare,
    QueueBind,
    QueueDeclare,
)
from coolamqp.framing.field_table import plain_table
from coolamqp.objects import Exchange, Queue
from coolamqp.supervisor.states import EngineState
from tests.attaches.watched import NoTruth, Watched, consuming, watched
from tests.support.ending import Ending
from tests.support.rig import Rig
from tests.support.scripted_broker import ScriptedBroker, refuse_nothing


def refuse_queues(code: int) -> Any:
    """Refuse to declare queues."""
    return lambda method: code if isinstance(method, QueueDeclare) else 0


# Setting up


def test_the_order_in_which_a_consumer_is_set_up() -> None:
    rig = Rig()
    broker = rig.up()
    queue = Queue('jobs', exchange=Exchange('ex', b'topic'), routing_key='a.*')
    consumer, future = watched(rig, queue, qos=7, no_ack=False, arguments={'x-priority': 5})
    assert consumer.state == ST_SYNCING
    said = broker.serve()
    assert [method.NAME for method in said] == [
        'channel.open', 'exchange.declare', 'queue.declare', 'queue.bind', 'basic.qos',
        'basic.consume',
    ]  # fmt: skip
    _, exchange, declared, bound, qos, consume = said
    assert isinstance(exchange, ExchangeDeclare)
    assert (exchange.exchange, exchange.type_) == (b'ex', b'topic')
    assert isinstance(declared, QueueDeclare)
    assert declared.queue == b'jobs'
    assert bound == QueueBind(b'jobs', b'ex', b'a.*', False, [])
    assert qos == BasicQos(0, 7, False)
    assert isinstance(consume, BasicConsume)
    assert (consume.queue, consume.consumer_tag, consume.no_ack) == (b'jobs', b'jobs', False)
    arguments: Any = consume.arguments
    assert plain_table(arguments) == {'x-priority': 5}
    assert future.result() is None
    assert consumer.state == ST_ONLINE
    assert consumer.calls == [True]


def test_the_default_exchange_is_neither_declared_nor_bound_to() -> None:
    _, broker, _, _ = consuming(queue=Queue('jobs', exchange=Exchange.direct))
    assert broker.said(ExchangeDeclare) == []
    assert broker.said(QueueBind) == []
    assert broker.said(BasicQos) == []


def test_an_anonymous_queue_is_named_by_the_broker_each_time() -> None:
    queue = Queue(exchange=Exchange('ex'))
    rig, broker, consumer, _ = consuming(queue=queue)
    (declared,) = broker.said(QueueDeclare)
    assert (declared.queue, declared.exclusive, declared.auto_delete) == (b'', True, True)
    assert queue.name == b'amq.gen-1'
    assert broker.said(QueueBind)[0].queue == b'amq.gen-1'
    assert broker.said(BasicConsume)[0].queue == b'amq.gen-1'
    broker._queues = 8
    rig.lose()
    rig.advance(1)
    broker = rig.connect()
    broker._queues = 8
    broker.shake_hands()
    broker.serve()
    assert broker.said(QueueDeclare)[0].queue == b''
    assert queue.name == b'amq.gen-9'
    assert consumer.state == ST_ONLINE


@pytest.mark.parametrize('code', [403, 404, 406])
def test_a_refusal_ends_the_consumer_for_good(code: int) -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = refuse_queues(code)
    consumer, future = watched(rig)
    broker.serve()
    assert isinstance(future.error, AMQPError)
    assert future.error.reply_code == code
    assert consumer.cancelled
    assert consumer.calls == ['cancel']
    rig.advance(10)
    assert broker.hear() == []
    assert rig.reconnect().said(BasicConsume) == []


def test_a_locked_queue_is_tried_again_ever_more_slowly_until_it_is_free() -> None:
    rig = Rig()
    broker = rig.up(ConnectionTune(0, 0, 0))
    broker.refuses = refuse_queues(405)
    consumer, future = watched(rig)
    broker.serve()
    times = []
    for _ in range(12):
        rig.clock.now = rig.engine.wake_at()
        rig.engine.tick(rig.clock.now)
        times.append(rig.clock.now)
        broker.serve()
    gaps = [round(after - before, 6) for before, after in pairwise(times)]
    assert gaps[0] == pytest.approx(0.1)
    assert gaps == sorted(gaps)
    assert gaps[-1] == pytest.approx(5.0)
    assert consumer.state == ST_OFFLINE
    assert not future.done()
    broker.refuses = refuse_nothing
    rig.advance(5)
    broker.serve()
    assert future.result() is None


def wait_for_retries(rig: Rig, broker: ScriptedBroker, seconds: float) -> None:
    """Serve all tries of a consumer within a time."""
    end = rig.clock.now + seconds
    while rig.engine.wake_at() <= end:
        rig.advance(rig.engine.wake_at() - rig.clock.now)
        broker.serve()


@pytest.mark.parametrize(('heartbeat', 'limit'), [(20, 40), (0, 120)])
def test_a_locked_queue_that_was_never_ours_is_an_error_when_no_ghost_can_hold_it(
    heartbeat: int, limit: float
) -> None:
    rig = Rig()
    broker = rig.up(ConnectionTune(0, 0, heartbeat))
    broker.refuses = refuse_queues(405)
    consumer, future = watched(rig)
    broker.serve()
    wait_for_retries(rig, broker, limit - 1)
    assert not future.done()
    wait_for_retries(rig, broker, RETRY_SECONDS_MAX + 1)
    assert isinstance(future.error, AMQPError)
    assert future.error.reply_code == 405
    assert consumer.cancelled


def test_a_locked_queue_that_was_ours_is_tried_again_without_end() -> None:
    rig, broker, consumer, _ = consuming()
    rig.lose()
    rig.advance(1)
    broker = rig.connect()
    broker.refuses = refuse_queues(405)
    broker.shake_hands(ConnectionTune(0, 0, 0))
    broker.serve()
    wait_for_retries(rig, broker, 600)
    assert not consumer.cancelled
    broker.refuses = refuse_nothing
    wait_for_retries(rig, broker, RETRY_SECONDS_MAX)
    assert consumer.state == ST_ONLINE


IN_USE = "ACCESS_REFUSED - queue 'jobs' in vhost '/' in exclusive use"
NO_PERMISSION = "ACCESS_REFUSED - access to queue 'jobs' in vhost '/' refused for user 'me'"


@pytest.mark.parametrize(('reason', 'ends'), [(IN_USE, False), (NO_PERMISSION, True)])
def test_an_exclusive_consumer_waits_for_the_end_of_its_lost_connection(
    reason: str, ends: bool
) -> None:
    rig, broker, consumer, _ = consuming(exclusive=True)
    rig.lose()
    rig.advance(1)
    broker = rig.connect()
    broker.unanswered.add('basic.consume')
    broker.shake_hands()
    broker.serve()
    channel = broker.channel_of(BasicConsume)
    broker.send(channel, ChannelClose(403, reason, *BasicConsume.INDEX))
    broker.closing.add(channel)
    broker.unanswered.clear()
    broker.serve()
    rig.advance(1)
    broker.serve()
    assert consumer.cancelled is ends
    assert (consumer.state == ST_ONLINE) is not ends


def test_an_exclusive_consumer_of_a_queue_in_use_fails_the_first_time() -> None:
    rig = Rig()
    broker = rig.up()
    broker.unanswered.add('basic.consume')
    consumer, future = watched(rig, exclusive=True)
    broker.serve()
    channel = broker.channel_of(BasicConsume)
    broker.send(channel, ChannelClose(403, IN_USE, *BasicConsume.INDEX))
    assert isinstance(future.error, AMQPError)
    assert consumer.cancelled


def test_a_locked_queue_may_be_an_error_the_first_time_but_not_later() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = refuse_queues(405)
    consumer, future = watched(rig, fail_on_first_time_resource_locked=True)
    broker.serve()
    assert isinstance(future.error, AMQPError)
    assert consumer.cancelled

    rig, broker, consumer, _ = consuming(fail_on_first_time_resource_locked=True)
    rig.lose()
    rig.advance(1)
    broker = rig.connect()
    broker.refuses = refuse_queues(405)
    broker.shake_hands()
    broker.serve()
    assert rig.state() is EngineState.RESTORING  # The locked queue would end with its messages.
    assert not consumer.cancelled
    broker.refuses = refuse_nothing
    rig.advance(1)
    broker.serve()
    assert consumer.state == ST_ONLINE
    assert rig.state() is EngineState.UP


def test_there_is_no_channel_left() -> None:
    rig = Rig()
    broker = rig.up(ConnectionTune(3, 0, 0))
    consumer, future = watched(rig)
    rig.carry_out()
    assert 'all 3 channels' in str(future.error)
    assert consumer.cancelled
    assert broker.serve() == []


# Queues of others


def set_up_of(**arguments: Any) -> list[str]:
    """Return the names of the methods that set a consumer up, without the channel."""
    rig = Rig()
    broker = rig.up()
    rig.consume(**arguments)
    return [method.NAME for method in broker.serve()][1:]


def test_a_queue_of_others_is_not_declared() -> None:
    mine = Queue('jobs', exchange=Exchange('ex'))
    assert set_up_of(queue='jobs') == ['basic.consume']
    assert set_up_of(queue=mine, declare=False) == ['basic.consume']
    assert set_up_of(queue=mine, passive=True) == ['queue.declare', 'basic.consume']


def test_a_queue_of_others_that_is_persistent_is_declared_again_when_it_was_deleted() -> None:
    rig, broker, consumer, channel = consuming(queue='jobs')
    rig.engine.topology.remember(Queue('jobs', durable=True))
    broker.send(channel, BasicCancel(b'jobs', True))
    broker.serve()
    (declared,) = broker.said(QueueDeclare)
    assert (declared.durable, declared.passive) == (True, False)
    assert consumer.state == ST_ONLINE


def test_a_deleted_queue_of_others_stays_deleted_and_its_consumer_waits_for_it() -> None:
    rig, broker, consumer, channel = consuming(queue='jobs')
    broker.refuses = lambda method: 404 if isinstance(method, BasicConsume) else 0
    broker.send(channel, BasicCancel(b'jobs', True))
    broker.serve()
    assert broker.said(QueueDeclare) == []
    broker.refuses = refuse_nothing
    wait_for_retries(rig, broker, RETRY_SECONDS_MAX)
    assert consumer.state == ST_ONLINE


# Messages


def test_a_message_as_it_comes() -> None:
    rig, broker, _, channel = consuming(no_ack=False)
    broker.deliver(channel, 1, b'hello')
    (message,) = rig.messages()
    assert message.body == b'hello'
    assert message.routing_key == b'key'
    assert message.routing_key.tobytes() == b'key'
    assert message.exchange_name == b'ex'
    assert message.properties.content_type is None
    assert message.delivery_tag == 1
    assert not message.redelivered
    assert message.routing_key is message.routing_key
    with pytest.raises(AttributeError, match='nonsense'):
        message.nonsense  # noqa: B018


@pytest.mark.parametrize('mode', list(BodyReceiveMode))
def test_modes_of_the_body(mode: BodyReceiveMode) -> None:
    rig, broker, _, channel = consuming(body_receive_mode=mode)
    broker.deliver(channel, 1, b'0123456789', frame=4)
    body = rig.messages()[0].body
    assert type(body) is (bytes, memoryview, list)[mode]


def test_acks_and_nacks() -> None:
    rig, broker, _, channel = consuming(no_ack=False)
    for tag in range(1, 6):
        broker.deliver(channel, tag)
    messages = rig.messages()
    for message in (messages[0], messages[1], messages[3]):
        message.ack()
        message.ack()
        message.nack()
    messages[4].nack()
    messages[4].ack()
    assert broker.methods() == [
        BasicNack(5, False, True), BasicAck(2, True), BasicAck(4, False),
    ]  # fmt: skip
    assert [message.acked for message in messages] == [True, True, False, True, False]


def test_a_no_ack_consumer_acks_nothing() -> None:
    rig, broker, _, channel = consuming()
    broker.deliver(channel, 1)
    (message,) = rig.messages()
    message.ack()
    message.nack()
    assert message.acked
    assert message.delivery_tag is None
    assert broker.hear() == []


def test_acks_mean_nothing_after_a_reconnect() -> None:
    rig, broker, _, channel = consuming(no_ack=False)
    broker.deliver(channel, 1)
    broker.deliver(channel, 2)
    first, second = rig.messages()
    assert first.ack()
    broker = rig.reconnect()
    assert second._ledger.settled
    assert not second.ack()
    assert broker.said(BasicAck) == []
    assert broker.hear() == []


# Going offline and coming back


def test_on_operational_alternates() -> None:
    rig, broker, consumer, channel = consuming()
    rig.reconnect()
    rig.lose()
    rig.advance(1)
    broker = rig.up()
    channel = broker.channel_of(BasicConsume)
    broker.close_channel(channel, 406)
    broker.serve()
    rig.advance(1)
    broker.serve()
    consumer.cancel()
    broker.serve()
    operational = [call for call in consumer.calls if isinstance(call, bool)]
    assert operational == [True, False] * 4
    assert consumer.calls.count('close') == 4


def test_a_channel_error_while_online_sets_the_consumer_up_again() -> None:
    rig, broker, consumer, channel = consuming(no_ack=False)
    broker.deliver(channel, 1)
    broker.close_channel(channel, 406)
    assert consumer.state == ST_OFFLINE
    (event,) = rig.reported(ConsumerCancelledByBroker)
    assert event.reason is not None
    assert event.reason.reply_code == 406
    broker.serve()
    rig.advance(0.05)
    broker.serve()
    assert consumer.state == ST_ONLINE
    assert len(broker.said(BasicConsume)) == 2
    rig.messages()[0].ack()
    assert broker.hear() == []
    for _ in range(5):  # being online in between, it never waits longer than the first time
        broker.close_channel(broker.channel_of(BasicConsume), 406)
        broker.serve()
        rig.advance(0.05)
        broker.serve()
        assert consumer.state == ST_ONLINE
    assert rig.reported(ConnectionLost) == []


def test_a_cancel_by_the_broker_sets_the_consumer_up_again() -> None:
    _, broker, consumer, channel = consuming()
    broker.send(channel, BasicCancel(b'jobs', True))
    broker.serve()
    assert consumer.calls == [True, 'broker cancel', False, 'close', True]
    assert consumer.state == ST_ONLINE
    assert len(broker.said(QueueDeclare)) == 2


def test_a_consumer_that_is_cancelled_again_and_again_makes_pauses() -> None:
    rig, broker, consumer, _ = consuming()
    for _ in range(5):
        broker.send(broker.channel_of(BasicConsume), BasicCancel(b'jobs', True))
        broker.serve()
    assert len(broker.said(BasicConsume)) == 2
    rig.advance(0.05)
    broker.serve()
    assert len(broker.said(BasicConsume)) == 3
    assert consumer.state == ST_ONLINE


def test_a_cancel_by_the_broker_of_a_queue_that_is_gone_for_good() -> None:
    _, broker, consumer, channel = consuming()
    broker.refuses = refuse_queues(403)
    broker.send(channel, BasicCancel(b'jobs', True))
    broker.serve()
    assert consumer.cancelled
    assert consumer.calls == [True, 'broker cancel', False, 'close', 'cancel']


def test_cancel_on_failure() -> None:
    rig, _, consumer, _ = consuming(cancel_on_failure=True)
    rig.lose()
    assert consumer.cancelled
    assert consumer.calls == [True, False, 'close', 'cancel']
    rig.advance(1)
    assert rig.up().said(BasicConsume) == []


@pytest.mark.parametrize('flag', [0, 1, None, 'yes'])
def test_flags_are_truths_whatever_their_type(flag: Any) -> None:
    rig = Rig()
    broker = rig.up()
    _, future = watched(rig, no_ack=flag, no_local=flag, exclusive=flag)
    consume = broker.serve()[-1]
    assert isinstance(consume, BasicConsume)
    assert (consume.no_ack, consume.no_local, consume.exclusive) == (bool(flag),) * 3
    assert future.done()


@pytest.mark.parametrize('flag', [0, 1, None, 'yes'])
def test_flags_for_failures_are_truths_too(flag: Any) -> None:
    rig, _, consumer, _ = consuming()
    consumer.cancel_on_failure = flag
    rig.lose()
    assert consumer.cancelled is bool(flag)

    rig = Rig()
    broker = rig.up()
    broker.refuses = refuse_queues(405)
    consumer, _ = watched(rig, fail_on_first_time_resource_locked=flag)
    broker.serve()
    assert consumer.cancelled is bool(flag)


# Cancelling


def stage(name: str) -> tuple[Rig, ScriptedBroker, Watched, Ending]:
    """Lead a consumer into a stage of its life."""
    rig = Rig()
    if name == 'never connected':
        consumer, future = watched(rig)
        rig.engine.start(rig.clock.now)
        return rig, rig.connect(), consumer, future
    broker = rig.up()
    if name == 'between retries':
        broker.refuses = refuse_queues(405)
    elif name not in ('online', 'offline'):
        broker.unanswered = {name}
    consumer, future = watched(rig)
    broker.serve()
    if name == 'offline':
        rig.lose()
    broker.unanswered = set()
    return rig, broker, consumer, future


STAGES = [
    'never connected', 'channel.open', 'queue.declare', 'basic.consume', 'online', 'offline',
    'between retries',
]  # fmt: skip


@pytest.mark.parametrize('name', STAGES)
def test_cancelling_always_succeeds_in_the_end(name: str) -> None:
    rig, broker, consumer, future = stage(name)
    promises = [consumer.cancel(), consumer.cancel()]
    broker.serve()
    promises.append(consumer.cancel())
    assert [promise.result() for promise in promises] == [None, None, None]
    assert consumer.cancelled
    assert consumer.calls.count('cancel') == 1
    assert future.done()
    count = len(consumer.calls)
    rig.advance(6)
    assert broker.serve() == []
    assert len(consumer.calls) == count
    assert consumer.state == ST_OFFLINE


@pytest.mark.parametrize('name', [name for name in STAGES if name != 'offline'])
def test_cancelling_succeeds_though_the_connection_is_lost(name: str) -> None:
    rig, broker, consumer, _ = stage(name)
    broker.unanswered = {'basic.cancel', 'channel.close'}
    promise = consumer.cancel()
    rig.lose()
    assert promise.result() is None
    assert consumer.cancelled


@pytest.mark.parametrize('name', [name for name in STAGES if name != 'never connected'])
def test_cancelling_succeeds_though_the_broker_closes_the_channel(name: str) -> None:
    rig, broker, consumer, _ = stage(name)
    channel = broker.channel_of(ChannelOpen)
    promise = consumer.cancel()
    if name not in ('offline', 'between retries'):
        broker.close_channel(channel, 406)
        broker.serve()
    assert promise.result() is None
    assert rig.reported(ConnectionLost) == [] or name == 'offline'


def test_what_was_acked_is_told_before_the_cancel_and_later_acks_are_no_ops() -> None:
    rig, broker, consumer, channel = consuming(no_ack=False)
    for tag in (1, 2, 3):
        broker.deliver(channel, tag)
    first, second, third = rig.messages()
    first.ack()
    promise = consumer.cancel()
    second.ack()
    broker.unanswered = {'channel.close'}
    said = broker.serve()
    assert [type(m) for m in said] == [BasicAck, BasicCancel, BasicAck, ChannelClose]
    assert not third.ack()  # while the channel is being closed
    assert broker.hear() == []
    broker.unanswered = set()
    broker.open_channels.discard(channel)
    broker.send(channel, ChannelCloseOk())
    assert promise.result() is None
    third.nack()
    assert broker.hear() == []


def test_a_change_of_qos_while_a_consumer_is_being_cancelled_is_harmless() -> None:
    _rig, broker, consumer, _ = consuming(no_ack=False)
    broker.unanswered = {'channel.close'}
    consumer.cancel()
    broker.serve()
    consumer.set_qos(5)
    assert broker.serve() == []


def test_cancelled_by_us_and_by_the_broker_at_once() -> None:
    _rig, broker, consumer, channel = consuming()
    promise = consumer.cancel()
    broker.send(channel, BasicCancel(b'jobs', True))
    broker.serve()
    assert promise.result() is None
    assert consumer.calls.count('cancel') == 1


def test_a_cancelled_consumer_is_not_taken_up() -> None:
    rig = Rig()
    broker = rig.up()
    future = Ending()
    consumer = Consumer(Queue('q'), None, future_to_notify=future)
    consumer.cancel()
    rig.add(consumer)
    rig.carry_out()
    assert broker.serve() == []
    assert isinstance(future.error, CoolAMQPError)


# Callbacks that run while their consumer is cancelled. The test says how many of them run.


def running(**arguments: Any) -> tuple[Rig, ScriptedBroker, Watched, int, Mailbox]:
    """Return an online consumer with a message whose callback runs."""
    rig, broker, consumer, channel = consuming(no_ack=False, **arguments)
    broker.deliver(channel, 1)
    mailbox = subscription_of(consumer).mailbox
    mailbox.scheduled = 1
    return rig, broker, consumer, channel, mailbox


def end_callback(rig: Rig, mailbox: Mailbox) -> None:
    """End the callback, as `Mailboxes.give_back` does."""
    mailbox.scheduled -= 1
    rig.engine.tick(rig.clock.now)
    rig.carry_out()


def test_a_running_callback_may_settle_its_message_until_it_ends() -> None:
    rig, broker, consumer, _, mailbox = running()
    promise = consumer.cancel()
    assert [type(method) for method in broker.serve()] == [BasicCancel]
    assert consumer.cancelled
    rig.messages()[0].ack()
    assert broker.serve() == [BasicAck(1, False)]
    assert not promise.done()
    assert consumer.calls == [True]

    end_callback(rig, mailbox)
    assert [type(method) for method in broker.serve()] == [ChannelClose]
    assert promise.result() is None
    assert consumer.calls == [True, False, 'close', 'cancel']
    assert rig.engine.wake_at() > rig.clock.now + STOP_TIMEOUT  # The timer is gone, too.


@pytest.mark.parametrize('answered', [True, False])
def test_a_callback_that_never_ends_has_a_timeout(answered: bool) -> None:
    rig, broker, consumer, _, _ = running()
    broker.unanswered = set() if answered else {'basic.cancel'}
    promise = consumer.cancel(timeout=3)
    broker.serve()
    rig.advance(2.9)
    assert broker.serve() == []
    rig.advance(0.1)
    assert [type(method) for method in broker.serve()] == [ChannelClose]
    assert promise.result() is None
    assert ('still runs 3 s after' in rig.logged()) is answered


@pytest.mark.parametrize('exclusive', [True, False])
def test_a_cancelled_consumer_is_not_replaced_for_a_new_prefetch_count(exclusive: bool) -> None:
    rig, broker, consumer, _, mailbox = running(exclusive=exclusive)
    consumer.cancel()
    consumer.set_qos(9)
    broker.serve()
    consumer.set_qos(10)
    broker.serve()
    assert len(broker.said(BasicConsume)) == 1
    end_callback(rig, mailbox)
    broker.serve()
    assert consumer.cancelled


def test_a_callback_need_not_wait_for_itself() -> None:
    rig, broker, consumer, _, mailbox = running()
    from_outside, from_callback = consumer.cancel(), Ending()
    rig.engine.cancel(subscription_of(consumer), from_callback, by_callback=True)
    broker.serve()
    rig.carry_out()
    assert from_callback.result() is None
    assert not from_outside.done()
    again = Ending()
    rig.engine.cancel(subscription_of(consumer), again, by_callback=True)
    rig.carry_out()
    assert again.result() is None

    end_callback(rig, mailbox)
    broker.serve()
    assert from_outside.result() is None


def test_a_message_that_crosses_with_the_cancellation_goes_back() -> None:
    rig, broker, consumer, channel, _ = running()
    consumer.cancel()
    broker.deliver(channel, 2)
    assert [type(method) for method in broker.serve()] == [BasicCancel, BasicNack]
    assert len(rig.messages()) == 1


def test_a_lost_connection_ends_a_cancellation_with_a_running_callback() -> None:
    rig, broker, consumer, _, _ = running()
    promise = consumer.cancel()
    broker.serve()
    rig.lose()
    assert promise.result() is None
    rig.advance(STOP_TIMEOUT)
    assert consumer.calls == [True, False, 'close', 'cancel']


# Values that a program assigns


@pytest.mark.parametrize(('name', 'value'), [('body_receive_mode', 'abc'), ('no_local', NoTruth())])
def test_a_value_that_cannot_be_used_costs_only_its_consumer(name: str, value: Any) -> None:
    rig = Rig()
    broker = rig.up()
    consumer, future = watched(rig)
    setattr(consumer, name, value)
    other, other_future = watched(rig, Queue('other'))
    broker.serve()
    broker.serve()

    assert other_future.result() is None
    assert rig.state() is EngineState.UP
    assert isinstance(future.error, (ValueError, ZeroDivisionError))
    assert consumer.cancelled
    assert other.state == ST_ONLINE
