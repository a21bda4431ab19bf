"""What a frame tracer sees: every frame, both ways, without credentials."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.exceptions import WireError
from coolamqp.framing.definitions import (
    ConnectionClose,
    ConnectionSecureOk,
    ConnectionStartOk,
    ConnectionUpdateSecret,
)
from coolamqp.framing.frames import AMQPBodyFrame, AMQPHeaderFrame, AMQPMethodFrame, encode_method
from coolamqp.tracing import HoldingFrameTracer
from coolamqp.uplink.frame_tap import MASK, FrameTap
from tests.uplink.rig import Peers


def names(tracer: HoldingFrameTracer) -> list[tuple[str, str]]:
    """Give direction and name of each frame."""
    return [(direction, name_of(frame)) for direction, _, frame in tracer.frames]


def name_of(frame: object) -> str:
    return frame.payload.NAME if isinstance(frame, AMQPMethodFrame) else type(frame).__name__


def test_a_tracer_sees_a_connection() -> None:
    tracer = HoldingFrameTracer()
    link = Peers(tracer=tracer).open()
    link.channel()
    link.clock.now += 5
    link.broker.deliver(1, 1)
    assert names(tracer) == [
        ('to_client', 'connection.start'),
        ('to_server', 'connection.start-ok'),
        ('to_client', 'connection.tune'),
        ('to_server', 'connection.tune-ok'),
        ('to_server', 'connection.open'),
        ('to_client', 'connection.open-ok'),
        ('to_server', 'channel.open'),
        ('to_client', 'channel.open-ok'),
        ('to_client', 'basic.deliver'),
        ('to_client', 'AMQPHeaderFrame'),
        ('to_client', 'AMQPBodyFrame'),
    ]
    header, body = (frame for _, _, frame in tracer.frames[-2:])
    assert isinstance(header, AMQPHeaderFrame)
    assert isinstance(body, AMQPBodyFrame)
    assert (header.body_size, body.data) == (4, b'body')
    assert [at for _, at, _ in tracer.frames[-4:]] == [link.clock.now - 5] + [link.clock.now] * 3
    assert 'secret' not in repr(tracer.frames)


@pytest.mark.parametrize(
    ('method', 'field'),
    [
        (ConnectionStartOk({}, 'PLAIN', b'\0me\0hush', 'en_US'), 'response'),
        (ConnectionSecureOk(b'hush'), 'response'),
        (ConnectionUpdateSecret(b'hush', b'expiry'), 'new_secret'),
    ],
)
def test_credentials_are_masked(method: Any, field: str) -> None:
    tracer = HoldingFrameTracer()
    FrameTap(tracer).sent(encode_method(0, method), 1.0)
    ((_, _, frame),) = tracer.frames
    assert isinstance(frame, AMQPMethodFrame)
    assert getattr(frame.payload, field) == MASK
    assert 'hush' not in repr(frame)


def test_a_violation_closes_a_traced_connection_too() -> None:
    link = Peers(tracer=HoldingFrameTracer()).open()
    link.broker.feed(b'\x09garbage')
    assert isinstance(link.observer.cause, WireError)
    assert link.broker.expect(ConnectionClose).reply_code == 501
    assert link.connection.out.size == 0


def test_a_peer_that_is_no_broker_is_not_traced() -> None:
    tracer = HoldingFrameTracer()
    link = Peers(tracer=tracer)
    link.broker.feed(b'HTTP/1.1 400')
    assert tracer.frames == []


@pytest.mark.parametrize('error', [ValueError, SystemExit])
def test_a_tracer_that_raises_costs_nothing_but_a_line_in_the_log(
    error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    class Raising(HoldingFrameTracer):
        def on_frame(self, *_: Any) -> None:
            raise error('not today')

    link = Peers(tracer=Raising()).open()
    link.channel()
    assert 'the frame tracer raised' in caplog.text
