"""Deliveries as frames and back, for consumers that see frames."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.attaches import BodyReceiveMode, Consumer
from coolamqp.attaches.frame_assembly import FrameAssembly, frames_of
from coolamqp.framing.definitions import BasicConsume
from coolamqp.framing.frames import AMQPBodyFrame, AMQPFrame, AMQPHeaderFrame, AMQPMethodFrame
from coolamqp.framing.hot import Envelope
from coolamqp.framing.properties import NO_PROPERTIES
from coolamqp.objects import Queue
from tests.support.deliveries import PAYLOAD
from tests.support.rig import Rig

ENVELOPE = Envelope(PAYLOAD)
IN_PIECES = [memoryview(b'ab'), memoryview(b'c')]


def frames(body: Any) -> list[AMQPFrame]:
    return frames_of(ENVELOPE, NO_PROPERTIES, body, 3)


@pytest.mark.parametrize(
    ('body', 'pieces'),
    [(b'', []), (b'ab', [b'ab']), ([memoryview(b'ab'), memoryview(b'c')], [b'ab', b'c'])],
)
def test_a_delivery_is_a_method_a_header_and_a_frame_for_each_piece(
    body: Any, pieces: list[bytes]
) -> None:
    method, header, *bodies = frames(body)
    assert isinstance(method, AMQPMethodFrame)
    assert isinstance(header, AMQPHeaderFrame)
    assert header.body_size == sum(len(piece) for piece in pieces)
    assert [bytes(each.data) for each in bodies if isinstance(each, AMQPBodyFrame)] == pieces
    assert (method.channel, header.channel) == (3, 3)


@pytest.mark.parametrize('body', [b'', b'ab', IN_PIECES])
def test_the_frames_of_a_delivery_become_a_message_again(body: Any) -> None:
    assembly = FrameAssembly()
    assembly.begin(None, None, in_pieces=False)
    *others, last = frames(body)
    assert [assembly.feed(frame) for frame in others] == [None] * len(others)
    message = assembly.feed(last)
    assert message is not None
    assert message.body == (b'abc' if isinstance(body, list) else body)
    assert (message.routing_key, message.consumer_tag) == (b'key', b'tag')


def test_a_body_may_stay_in_pieces() -> None:
    assembly = FrameAssembly()
    assembly.begin(None, None, in_pieces=True)
    *others, last = frames(IN_PIECES)
    for frame in others:
        assembly.feed(frame)
    message = assembly.feed(last)
    assert message is not None
    assert message.body == IN_PIECES


def test_frames_that_belong_to_no_delivery_become_nothing() -> None:
    assembly = FrameAssembly()
    assert [assembly.feed(frame) for frame in frames(b'ab')] == [None] * 3
    bare = FrameAssembly()
    bare.begin(None, None, in_pieces=False)
    assert bare.feed(frames(b'')[1]) is None  # a header without its method


class Changing(Consumer):
    """Passes every frame on, its body in capitals."""

    def on_delivery(self, frame: AMQPFrame) -> None:
        if isinstance(frame, AMQPBodyFrame):
            frame = AMQPBodyFrame(frame.channel, bytes(frame.data).upper())
        super().on_delivery(frame)


class Swallowing(Consumer):
    """Passes nothing on."""

    def on_delivery(self, frame: AMQPFrame) -> None:
        """Do nothing."""


def received(consumer: Consumer) -> list[Any]:
    """Return the bodies that a consumer delivers when two messages come."""
    rig = Rig()
    broker = rig.up()
    rig.add(consumer)
    broker.serve()
    channel = broker.channel_of(BasicConsume)
    broker.deliver(channel, 1, b'hello', frame=3)
    broker.deliver(channel, 2, b'')
    return [message.body for message in rig.messages()]


def test_a_consumer_may_change_frames_on_their_way() -> None:
    assert received(Changing(Queue('q'), None)) == [b'HELLO', b'']


def test_a_consumer_may_change_the_pieces_of_a_body() -> None:
    mode = BodyReceiveMode.LIST_OF_MEMORYVIEW
    assert received(Changing(Queue('q'), None, body_receive_mode=mode)) == [[b'HEL', b'LO'], []]


def test_a_consumer_that_passes_nothing_on_delivers_nothing() -> None:
    assert received(Swallowing(Queue('q'), None)) == []
