"""Acknowledgements, rejections, requeueing, and the order after it."""

from __future__ import annotations

import pytest

from coolamqp.framing.definitions import (
    BasicAck,
    BasicNack,
    BasicRecover,
    BasicRecoverAsync,
    BasicRecoverOk,
    BasicReject,
)
from coolamqp.framing.method import Method
from tests.behaviour.client import RawChannel, RawConnection, eventually
from tests.behaviour.texts import not_implemented, precondition_failed

MARKER = b'marker'


@pytest.fixture
def queue(channel: RawChannel) -> str:
    """The name of a queue with the messages 1, 2, 3 and 4."""
    channel.put(channel.queue('q'), b'1', b'2', b'3', b'4')
    return 'q'


def take(channel: RawChannel, queue: str, count: int) -> list[int]:
    """Get messages; return their delivery tags."""
    return [channel.must_get(queue).tag for _ in range(count)]


def rest(channel: RawChannel, *queues: str) -> list[bytes]:
    """Close a channel, and return what comes back to queues.

    RabbitMQ gives all messages of a channel back at once, but maybe after its answer. So this takes
    one more message from each queue, and waits until that one is back.
    """
    for queue in queues:
        channel.put(queue, MARKER)
        while channel.must_get(queue).body != MARKER:
            pass
    channel.close()
    fresh, found = channel.connection.channel(), []
    for queue in queues:
        while (message := fresh.await_get(queue, no_ack=True)).body != MARKER:
            found.append(message.body)
    return found


# -- what is acknowledged


def test_acknowledging_one(channel: RawChannel, queue: str) -> None:
    take(channel, queue, 4)

    channel.ack(2)

    assert rest(channel, queue) == [b'1', b'3', b'4']


def test_acknowledging_several(channel: RawChannel, queue: str) -> None:
    take(channel, queue, 4)

    channel.ack(3, multiple=True)

    assert rest(channel, queue) == [b'4']


def test_acknowledging_all(channel: RawChannel, queue: str) -> None:
    take(channel, queue, 4)

    channel.ack(0, multiple=True)

    assert rest(channel, queue) == []


def test_acknowledging_several_leaves_out_what_is_acknowledged(
    channel: RawChannel, queue: str
) -> None:
    take(channel, queue, 4)
    channel.ack(2)

    channel.ack(3, multiple=True)

    assert rest(channel, queue) == [b'4']


def test_acknowledging_several_over_queues(channel: RawChannel, queue: str) -> None:
    channel.put(channel.queue('other'), b'5', b'6')
    take(channel, queue, 1)
    take(channel, 'other', 1)
    take(channel, queue, 1)

    channel.ack(2, multiple=True)

    assert rest(channel, queue, 'other') == [b'2', b'3', b'4', b'6']


def test_acknowledging_nothing_at_all(channel: RawChannel, queue: str) -> None:
    channel.ack(0, multiple=True)
    channel.nack(0, multiple=True)

    channel.expect_nothing()
    assert channel.count(queue) == 4


# -- unknown delivery tags


@pytest.mark.parametrize(
    'method',
    [
        BasicAck(3), BasicAck(0), BasicAck(3, multiple=True),
        BasicNack(3), BasicNack(0), BasicNack(3, multiple=True),
        BasicReject(3), BasicReject(0), BasicAck((1 << 64) - 1),
    ],
    ids=str,
)  # fmt: skip
def test_an_unknown_delivery_tag_is_refused(
    channel: RawChannel, queue: str, method: BasicAck | BasicNack | BasicReject
) -> None:
    take(channel, queue, 2)

    assert channel.refused(method) == precondition_failed(
        f'unknown delivery tag {method.delivery_tag}'
    )


@pytest.mark.parametrize(
    'method',
    [BasicAck(1), BasicAck(1, multiple=True), BasicNack(1), BasicReject(1)],
    ids=str,
)
def test_acknowledging_twice_is_refused(channel: RawChannel, queue: str, method: Method) -> None:
    take(channel, queue, 2)
    channel.ack(1)

    assert channel.refused(method) == precondition_failed('unknown delivery tag 1')


def test_a_delivery_without_acknowledgement_has_no_known_tag(
    channel: RawChannel, queue: str
) -> None:
    message = channel.must_get(queue, no_ack=True)

    assert message.tag == 1
    assert channel.refused(BasicAck(1)) == precondition_failed('unknown delivery tag 1')


def test_a_delivery_tag_belongs_to_its_channel(
    connection: RawConnection, channel: RawChannel, queue: str
) -> None:
    take(channel, queue, 1)

    assert connection.channel().refused(BasicAck(1)) == precondition_failed(
        'unknown delivery tag 1'
    )


def test_an_error_requeues_what_the_channel_holds(channel: RawChannel, queue: str) -> None:
    take(channel, queue, 2)
    channel.refused(BasicAck(3))

    fresh = channel.connection.channel()
    eventually(lambda: fresh.count(queue) == 4, 'all messages in the queue')
    assert fresh.bodies(queue) == [b'1', b'2', b'3', b'4']


# -- rejecting


def test_rejecting_removes(channel: RawChannel, queue: str) -> None:
    take(channel, queue, 2)

    channel.reject(1)

    assert rest(channel, queue) == [b'2', b'3', b'4']


@pytest.mark.parametrize('multiple', [False, True])
def test_refusing_removes(channel: RawChannel, queue: str, multiple: bool) -> None:
    take(channel, queue, 2)

    channel.nack(2, multiple=multiple)

    assert rest(channel, queue) == ([b'3', b'4'] if multiple else [b'1', b'3', b'4'])


def test_refusing_all(channel: RawChannel, queue: str) -> None:
    take(channel, queue, 3)

    channel.nack(0, multiple=True)

    assert rest(channel, queue) == [b'4']


# -- requeueing


def test_a_requeued_message_is_redelivered(channel: RawChannel, queue: str) -> None:
    first = channel.must_get(queue)
    assert not first.redelivered

    channel.reject(first.tag, requeue=True)

    again = channel.must_get(queue)
    assert (again.body, again.redelivered) == (b'1', True)
    assert not channel.must_get(queue).redelivered


def test_requeued_messages_go_back_to_their_places(channel: RawChannel, queue: str) -> None:
    take(channel, queue, 3)

    for tag in (3, 1):
        channel.nack(tag, requeue=True)

    assert channel.bodies(queue) == [b'1', b'3', b'4']


def test_requeueing_several(channel: RawChannel, queue: str) -> None:
    take(channel, queue, 4)

    channel.nack(3, multiple=True, requeue=True)

    assert channel.bodies(queue) == [b'1', b'2', b'3']
    channel.ack(4)


def test_a_requeued_message_goes_to_a_consumer(channel: RawChannel, queue: str) -> None:
    channel.consume(queue)
    messages = channel.next_messages(4)

    channel.reject(messages[1].tag, requeue=True)

    again = channel.next_message()
    assert (again.body, again.tag, again.redelivered) == (b'2', 5, True)


def test_closing_a_channel_requeues(channel: RawChannel, queue: str) -> None:
    take(channel, queue, 3)
    channel.ack(2)
    channel.close()

    fresh = channel.connection.channel()
    messages = [fresh.await_get(queue) for _ in range(3)]
    assert [(each.body, each.redelivered) for each in messages] == [
        (b'1', True), (b'3', True), (b'4', False),
    ]  # fmt: skip


def test_closing_a_connection_requeues(
    channel: RawChannel, other_connection: RawConnection, queue: str
) -> None:
    take(other_connection.channel(), queue, 3)
    other_connection.close()

    eventually(lambda: channel.count(queue) == 4, 'all messages in the queue')
    message = channel.must_get(queue)
    assert (message.body, message.redelivered) == (b'1', True)


def test_losing_a_connection_requeues(
    channel: RawChannel, other_connection: RawConnection, queue: str
) -> None:
    holder = other_connection.channel()
    holder.consume(queue)
    holder.next_messages(4)
    other_connection.abort()

    assert channel.await_get(queue).body == b'1'
    assert [channel.must_get(queue).body for _ in range(3)] == [b'2', b'3', b'4']


# -- recover


def test_recovering_requeues_what_the_channel_holds(channel: RawChannel, queue: str) -> None:
    take(channel, queue, 3)
    channel.ack(2)

    assert channel.call(BasicRecover(requeue=True)) == BasicRecoverOk()

    messages = [channel.must_get(queue) for _ in range(3)]
    assert [(each.body, each.redelivered, each.tag) for each in messages] == [
        (b'1', True, 4), (b'3', True, 5), (b'4', False, 6),
    ]  # fmt: skip


def test_recovering_delivers_again_to_the_consumer(channel: RawChannel, queue: str) -> None:
    channel.consume(queue)
    channel.next_messages(4)

    channel.call(BasicRecover(requeue=True))

    messages = channel.next_messages(4)
    assert [message.body for message in messages] == [b'1', b'2', b'3', b'4']
    assert all(message.redelivered for message in messages)


def test_recovering_without_an_answer(channel: RawChannel, queue: str) -> None:
    take(channel, queue, 1)

    channel.send(BasicRecoverAsync(requeue=True))

    channel.expect_nothing()
    assert channel.must_get(queue).body == b'1'


@pytest.mark.parametrize('method', [BasicRecover, BasicRecoverAsync])
def test_recovering_to_the_same_consumer_is_not_implemented(
    channel: RawChannel, method: type[BasicRecover | BasicRecoverAsync]
) -> None:
    assert channel.refused(method(requeue=False)) == not_implemented('requeue=false')
