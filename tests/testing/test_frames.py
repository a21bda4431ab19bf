"""The last frames of connections, from the bytes that a broker has recorded."""

from __future__ import annotations

import pytest

from coolamqp.broker.recorder import Chunk, ConnectionRecord
from coolamqp.framing.definitions import (
    BasicAck,
    BasicPublish,
    ChannelClose,
    ConnectionStartOk,
    QueueDeclare,
)
from coolamqp.framing.frames import (
    HEARTBEAT_FRAME,
    PROTOCOL_HEADER,
    AMQPBodyFrame,
    AMQPHeaderFrame,
    AMQPHeartbeatFrame,
    AMQPMethodFrame,
    encode_method,
)
from coolamqp.framing.properties import BasicContentPropertyList
from coolamqp.testing.frames import first_frame, frame_text, from_first_frame, last_frames

ACKS = [encode_method(1, BasicAck(number, False)) for number in range(10)]


def make_record(
    received: list[Chunk], sent: list[Chunk], *, name: str = 'billing', complete: bool = True
) -> ConnectionRecord:
    return ConnectionRecord(name, '127.0.0.1:1', False, '', received, sent, complete, complete)


def test_frames_of_both_directions_and_of_all_connections_are_in_order() -> None:
    first = make_record([Chunk(0.0, PROTOCOL_HEADER + ACKS[0]), Chunk(2.0, ACKS[2])], [])
    second = make_record([], [Chunk(1.0, ACKS[1]), Chunk(3.0, ACKS[3])], name='shop')

    frames = last_frames([first, second], 10)

    assert [(frame.time, frame.name, frame.direction) for frame in frames] == [
        (0.0, 'billing', 'to_server'),
        (1.0, 'shop', 'to_client'),
        (2.0, 'billing', 'to_server'),
        (3.0, 'shop', 'to_client'),
    ]
    assert frames[3].text == 'channel 1 basic.ack delivery_tag=3'


def test_only_the_last_frames_are_returned() -> None:
    record = make_record([Chunk(0.0, b''.join(ACKS))], [])

    texts = [frame.text for frame in last_frames([record], 2)]

    assert texts == ['channel 1 basic.ack delivery_tag=8', 'channel 1 basic.ack delivery_tag=9']


def test_a_frame_in_several_chunks_has_the_time_of_the_last_one() -> None:
    record = make_record([Chunk(0.0, ACKS[5][:4]), Chunk(1.0, ACKS[5][4:])], [])

    (frame,) = last_frames([record], 10)

    assert frame.time == 1.0


def test_the_password_of_a_client_is_not_shown() -> None:
    start_ok = ConnectionStartOk({}, 'PLAIN', b'\0guest\0secret', 'en_US')
    record = make_record([Chunk(0.0, PROTOCOL_HEADER + encode_method(0, start_ok))], [])

    (frame,) = last_frames([record], 10)

    assert 'connection.start-ok' in frame.text
    assert 'secret' not in frame.text


def test_bytes_that_are_no_frames_are_reported_and_the_rest_is_left_out() -> None:
    chunks = [Chunk(0.0, ACKS[0]), Chunk(1.0, b'GET / HTTP/1.1\r\n'), Chunk(2.0, ACKS[1])]

    frames = last_frames([make_record(chunks, [])], 10)

    assert len(frames) == 2
    assert frames[1].text.startswith('16 bytes that are not valid frames: ')


class TestAStreamWithoutItsBeginning:
    @pytest.mark.parametrize('missing', range(1, len(ACKS[0]) + 1))
    def test_it_is_decoded_from_its_first_whole_frame_on(self, missing: int) -> None:
        stream = b''.join(ACKS)[missing:]
        record = make_record([Chunk(0.0, stream)], [], complete=False)

        texts = [frame.text for frame in last_frames([record], 20)]

        assert texts == [f'channel 1 basic.ack delivery_tag={number}' for number in range(1, 10)]

    def test_a_last_frame_that_has_not_come_whole_does_no_harm(self) -> None:
        assert first_frame(b'rest' + ACKS[0] + ACKS[1][:-3]) == len(b'rest')

    def test_without_a_whole_frame_there_is_nothing(self) -> None:
        assert first_frame(b'x' * 1000) == 1000
        assert first_frame(b'') == 0
        assert list(from_first_frame([Chunk(0.0, b'x' * 1000)])) == []

    def test_the_first_frame_may_be_in_any_chunk(self) -> None:
        chunks = [Chunk(0.0, b'rest'), Chunk(1.0, b'end' + ACKS[0]), Chunk(2.0, ACKS[1])]

        assert list(from_first_frame(chunks)) == [Chunk(1.0, ACKS[0]), Chunk(2.0, ACKS[1])]


@pytest.mark.parametrize(
    ('frame', 'text'),
    [
        (
            AMQPMethodFrame(3, QueueDeclare('jobs', durable=True, arguments={'x-max-length': 5})),
            "channel 3 queue.declare queue='jobs' durable=True arguments={'x-max-length': 5}",
        ),
        (
            AMQPMethodFrame(3, BasicPublish('', 'jobs', False, False)),
            "channel 3 basic.publish routing_key='jobs'",
        ),
        (
            AMQPMethodFrame(3, ChannelClose(404, 'NOT_FOUND', 0, 0)),
            "channel 3 channel.close reply_code=404 reply_text='NOT_FOUND' class_id=0 method_id=0",
        ),
        (
            AMQPHeaderFrame(1, 60, 0, 5, BasicContentPropertyList(priority=3)),
            'channel 1 header of 5 bytes, MessageProperties(priority=3)',
        ),
        (AMQPBodyFrame(1, b'hello'), "channel 1 body b'hello'"),
        (AMQPBodyFrame(1, b'x' * 1000), f"channel 1 body b'{'x' * 60}'..."),
        (AMQPHeartbeatFrame(), 'heartbeat'),
    ],
)
def test_a_frame_is_one_line_of_text(frame: object, text: str) -> None:
    assert frame_text(frame) == text


def test_a_heartbeat_has_no_beginning_to_search_for() -> None:
    assert first_frame(HEARTBEAT_FRAME) == 0
