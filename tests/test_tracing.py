"""Tracers, as programs set them."""

from __future__ import annotations

import logging

import pytest

from coolamqp.framing.definitions import BasicAck
from coolamqp.framing.frames import AMQPHeartbeatFrame, AMQPMethodFrame
from coolamqp.tracing import BaseFrameTracer, HoldingFrameTracer, LoggingFrameTracer

FRAME = AMQPMethodFrame(1, BasicAck(7, False))


def test_a_tracer_must_say_what_it_does_with_a_frame() -> None:
    with pytest.raises(TypeError, match='on_frame'):
        BaseFrameTracer()  # type: ignore[abstract]


def test_the_holding_tracer_keeps_frames_in_order() -> None:
    tracer = HoldingFrameTracer()
    heartbeat = AMQPHeartbeatFrame()
    tracer.on_frame(1.5, FRAME, 'to_server')
    tracer.on_frame(2.5, heartbeat, 'to_client')

    assert tracer.frames == [('to_server', 1.5, FRAME), ('to_client', 2.5, heartbeat)]
    tracer.clear()
    assert tracer.frames == []


def test_the_logging_tracer_warns_in_a_logger_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    LoggingFrameTracer().on_frame(1.5, FRAME, 'to_server')

    (line,) = caplog.record_tuples
    assert line == ('coolamqp.frames', logging.WARNING, f'1.500000 to_server: {FRAME}')
    assert 'BasicAck(delivery_tag=7, multiple=False)' in line[2]


def test_the_logging_tracer_takes_another_logger_and_level(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, 'mine')
    LoggingFrameTracer(logging.getLogger('mine'), logging.DEBUG).on_frame(1.5, FRAME, 'to_client')
    assert caplog.record_tuples == []

    caplog.set_level(logging.DEBUG, 'mine')
    tracer = LoggingFrameTracer(logger=logging.getLogger('mine'), log_level=logging.DEBUG)
    tracer.on_frame(1.5, FRAME, 'to_client')
    assert caplog.record_tuples == [
        ('mine', logging.DEBUG, f'1.500000 to_client: {FRAME}'),
    ]
