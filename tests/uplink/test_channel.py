"""A channel: its life, its calls, its contents."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.exceptions import CoolAMQPError
from coolamqp.framing.collector import FrameCollector
from coolamqp.framing.content import BYTES, LIST_OF_MEMORYVIEW, MEMORYVIEW
from coolamqp.framing.definitions import (
    BasicAck,
    BasicCancel,
    BasicDeliver,
    BasicGet,
    BasicGetOk,
    BasicNack,
    BasicPublish,
    BasicReturn,
    ChannelClose,
    ChannelCloseOk,
    ChannelFlow,
    ChannelFlowOk,
    ChannelOpenOk,
    ConnectionClose,
    ConnectionTune,
    QueueDeclare,
    QueueDeclareOk,
)
from coolamqp.framing.frames import (
    AMQPBodyFrame,
    AMQPFrame,
    AMQPHeaderFrame,
    encode_frame,
    encode_method,
)
from coolamqp.framing.method import Method
from coolamqp.framing.properties import EMPTY_PROPERTIES
from coolamqp.framing.send_buffer import SendBuffer
from coolamqp.objects.message import flat_body
from coolamqp.uplink.channel import Channel
from coolamqp.uplink.states import ChannelState
from tests.support.scripted_broker import content
from tests.uplink.rig import Handler, Peers, link_with

DELIVER = BasicDeliver(b'tag', 1, False, b'ex', b'key')
CLOSE = ChannelClose(404, 'NOT_FOUND', 50, 10)


@pytest.mark.parametrize('state', [ChannelState.OPENING, ChannelState.OPEN])
def test_a_close_by_the_broker_is_answered_and_frees_the_number(state: ChannelState) -> None:
    link, channel, handler = link_with(state)
    answers: list[Method] = []
    channel.call(QueueDeclare(b'q'), answers.append)
    link.broker.hear()
    link.broker.send(1, CLOSE)
    link.broker.expect(ChannelCloseOk)
    assert handler.heard == [('closed', 404)]
    assert answers == []
    channel.close()
    assert link.broker.hear() == []
    assert link.connection.open_channel(Handler()).number == 1


def test_our_close_ignores_everything_until_it_is_answered() -> None:
    link, channel, handler = link_with(ChannelState.OPEN)
    answers: list[Method] = []
    channel.call(QueueDeclare(b'q'), answers.append)
    channel.close()
    channel.close()
    assert [type(each) for each in link.broker.methods()] == [QueueDeclare, ChannelClose]
    link.broker.deliver(1, 1)
    link.broker.send(1, QueueDeclareOk(b'q', 0, 0), BasicAck(9, False), ChannelFlow(False))
    assert (handler.heard, answers, link.broker.hear()) == ([], [], [])
    link.broker.send(1, ChannelCloseOk())
    assert handler.heard == [('closed', None)]


def test_nothing_is_sent_once_a_channel_is_being_closed() -> None:
    link, channel, _ = link_with(ChannelState.CLOSING)
    answers: list[Method] = []
    channel.publish(b'', b'key', False, b'\0\0', b'body')
    channel.ack(1, multiple=False)
    channel.nack(1, requeue=True)
    channel.reject(1, requeue=True)
    channel.call(QueueDeclare(b'q'), answers.append)
    assert link.broker.hear() == []


def content_frames(body: bytes, frame_max: int) -> list[AMQPFrame]:
    room = frame_max - 8
    return [
        AMQPHeaderFrame(1, 60, 0, len(body), EMPTY_PROPERTIES),
        *(AMQPBodyFrame(1, body[at : at + room]) for at in range(0, len(body), room)),
    ]


def published(body: Any, frame_max: int) -> list[Any]:
    """Give the pieces in which a message is sent."""
    out = SendBuffer()
    channel = Channel(1, Handler(), out, frame_max, lambda _: None)
    channel.state = ChannelState.OPEN
    out.sent(len(out.peek()))
    channel.publish(b'e', b'k', False, EMPTY_PROPERTIES.encoded, body)
    pieces = []
    while piece := out.peek():
        pieces.append(piece)
        out.sent(len(piece))
    return pieces


@pytest.mark.parametrize(
    ('frame_max', 'size'),
    [
        *((4096, size) for size in (0, 1, 4087, 4088, 4089, 8175, 8176, 8177, 20_000)),
        *((131_072, size) for size in (16_383, 16_384, 16_385)),
        *((131_072, size) for size in (131_063, 131_064, 131_065, 262_128, 262_129)),
        *((16_384 + 8, size) for size in (16_384, 16_385)),
        (16_384 + 7, 16_384),
    ],
)
@pytest.mark.parametrize('kind', [bytes, bytearray, memoryview])
def test_a_message_is_sent_as_its_frames(kind: type[Any], frame_max: int, size: int) -> None:
    body = bytes(index % 251 for index in range(size))
    sent = b''.join(published(kind(body), frame_max))
    method = encode_method(1, BasicPublish(b'e', b'k', False, False))

    assert sent == method + b''.join(each.encode() for each in content_frames(body, frame_max))
    # And a decoder with the same frame_max takes it.
    collected = FrameCollector(frame_max).feed(sent)
    assert b''.join(each.data for each in collected if isinstance(each, AMQPBodyFrame)) == body


@pytest.mark.parametrize('kind', [bytes, bytearray])
def test_a_large_body_is_not_copied(kind: type[Any]) -> None:
    body = kind(32 * 131_064)
    pieces = published(body, 131_072)
    views = [piece for piece in pieces if isinstance(piece, memoryview)]

    assert all(view.obj is body for view in views)
    assert [len(view) for view in views] == [131_064] * 32
    assert all(len(piece) < 100 for piece in pieces if not isinstance(piece, memoryview))


def test_closes_that_cross_are_both_answered_before_the_number_is_free() -> None:
    link, channel, handler = link_with(ChannelState.OPEN)
    channel.close()
    link.broker.send(1, CLOSE)
    assert [type(each) for each in link.broker.methods()] == [ChannelClose, ChannelCloseOk]
    assert handler.heard == []
    assert link.connection.open_channel(Handler()).number == 2
    link.broker.send(1, ChannelCloseOk())
    assert handler.heard == [('closed', None)]
    assert link.connection.open_channel(Handler()).number == 1
    assert link.observer.heard == ['open']


def test_a_channel_closed_while_it_is_being_opened() -> None:
    link, channel, handler = link_with(ChannelState.OPENING)
    channel.close()
    link.broker.expect(ChannelClose)
    link.broker.send(1, ChannelOpenOk(), ChannelCloseOk())
    assert handler.heard == [('closed', None)]


def test_flow_is_answered() -> None:
    link, _, handler = link_with(ChannelState.OPEN)
    for active in (False, True):
        link.broker.send(1, ChannelFlow(active))
        assert link.broker.expect(ChannelFlowOk).active is active
    assert handler.heard == []


def test_answers_come_to_their_calls_and_other_methods_to_the_handler() -> None:
    link, channel, handler = link_with(ChannelState.OPEN)
    answers: list[Any] = []
    for name in (b'a', b'b'):
        channel.call(QueueDeclare(name), answers.append)
    cancel = BasicCancel(b'tag', True)
    link.broker.send(1, QueueDeclareOk(b'a', 0, 0), cancel, QueueDeclareOk(b'b', 0, 0))
    link.broker.send(1, QueueDeclareOk(b'c', 0, 0))
    assert [answer.queue for answer in answers] == [b'a', b'b']
    assert handler.heard == [cancel, QueueDeclareOk(b'c', 0, 0)]


def test_confirms_come_to_the_handler() -> None:
    link, _, handler = link_with(ChannelState.OPEN)
    link.broker.send(1, BasicAck(7, True), BasicNack(8, False, False))
    assert handler.heard == [(7, True, True), (8, False, False)]


def test_a_lost_connection_is_told_to_every_channel_once() -> None:
    link = Peers().open()
    handlers = [link.channel()[1] for _ in range(3)]
    link.connection.lost(OSError('gone'))
    link.connection.lost(OSError('gone'))
    assert [handler.heard for handler in handlers] == [['lost']] * 3


def test_channel_max_is_kept_to() -> None:
    link = Peers().open(ConnectionTune(2, 0, 0))
    link.channel()
    link.channel()
    with pytest.raises(CoolAMQPError, match='channel_max'):
        link.connection.open_channel(Handler())
    assert link.broker.hear() == []


# Contents


def test_the_handler_learns_what_a_content_is() -> None:
    link, channel, handler = link_with(ChannelState.OPEN)
    answers: list[Any] = []
    channel.call(BasicGet(b'q'), answers.append)
    methods = (
        DELIVER,
        BasicReturn(312, 'NO_ROUTE', b'ex', b'key'),
        BasicGetOk(5, False, b'ex', b'key', 0),
    )
    for method in methods:
        link.broker.send_content(1, method, method.NAME.encode())
        assert not channel.content.under_way
    assert handler.heard == [
        ('delivered', 1, b'basic.deliver'),
        ('returned', 312, b'basic.return'),
        ('fetched', 5, b'basic.get-ok'),
    ]
    assert [answer.delivery_tag for answer in answers] == [5]


@pytest.mark.parametrize(
    ('mode', 'kind'), [(BYTES, bytes), (MEMORYVIEW, memoryview), (LIST_OF_MEMORYVIEW, list)]
)
def test_a_channel_has_a_mode_of_bodies(mode: int, kind: type[Any]) -> None:
    link, channel, handler = link_with(ChannelState.OPEN)
    channel.content.mode = mode
    link.broker.deliver(1, 1, b'0123456789', frame=4)
    ((_, _, body),) = handler.heard
    assert type(body) is kind
    assert bytes(flat_body(body)) == b'0123456789'


HEADER = AMQPHeaderFrame(1, 60, 0, 4, EMPTY_PROPERTIES).encode()
BODY = AMQPBodyFrame(1, b'body').encode()
METHOD = encode_method(1, DELIVER)
RETURN = encode_method(1, BasicReturn(312, b'NO_ROUTE', b'ex', b'key'))


@pytest.mark.parametrize(
    ('data', 'reply_code', 'words'),
    [
        (HEADER, 505, 'header that nothing announced'),
        (METHOD + METHOD, 505, 'in the middle'),
        (METHOD + HEADER + METHOD, 505, 'in the middle'),
        (METHOD + encode_method(1, CLOSE), 505, 'in the middle'),
        (METHOD + encode_method(1, BasicAck(1, False)), 505, 'in the middle'),
        (encode_frame(1, 1, METHOD[7:12]) + content(1, b''), 502, 'basic.deliver of 5 bytes'),
        (encode_frame(1, 1, RETURN[7:12]) + content(1, b''), 502, 'basic.return'),
    ],
)
def test_contents_that_are_none(data: bytes, reply_code: int, words: str) -> None:
    link, _, handler = link_with(ChannelState.OPEN)
    link.broker.feed(data)
    assert link.broker.expect(ConnectionClose).reply_code == reply_code
    assert words in str(link.observer.cause)
    assert handler.heard == ['lost']


@pytest.mark.parametrize('state', [ChannelState.OPENING, ChannelState.CLOSING])
def test_content_on_a_channel_that_is_not_open(state: ChannelState) -> None:
    link, _, handler = link_with(state)
    link.broker.feed(HEADER + BODY)
    assert (handler.heard, link.broker.hear()) == ([], [])
