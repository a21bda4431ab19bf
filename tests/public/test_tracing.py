"""coolamqp.tracing, row by row."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from coolamqp.framing.definitions import BasicPublish, ConnectionStartOk
from coolamqp.framing.frames import AMQPBodyFrame, AMQPHeaderFrame, AMQPMethodFrame
from coolamqp.objects import Queue
from coolamqp.tracing import BaseFrameTracer, HoldingFrameTracer, LoggingFrameTracer
from tests.conftest import MakeCluster
from tests.integration.support import PATIENCE, Collector, confirmed, consume

FRAME = AMQPMethodFrame(1, BasicPublish('ex', 'key', False, False))


def session(make_cluster: MakeCluster, tracer: BaseFrameTracer) -> None:
    """Do a little of everything."""
    cluster = make_cluster(log_frames=tracer)
    cluster.start()
    collector = Collector()
    consume(cluster, Queue('traced', auto_delete=True), collector)
    confirmed(cluster, b'the body', 'traced', {'app_id': 'tests'}).result(PATIENCE)
    collector.wait_for(1)
    cluster.shutdown()


@pytest.mark.integration
def test_base_frame_tracer_is_there_to_be_subclassed(make_cluster: MakeCluster) -> None:
    directions: set[str] = set()

    class Noting(BaseFrameTracer):
        def on_frame(self, timestamp: float, frame: Any, direction: Any) -> None:
            directions.add(direction)

    session(make_cluster, Noting())
    assert directions == {'to_client', 'to_server'}


@pytest.mark.integration
def test_holding_frame_tracer_keeps_every_frame(make_cluster: MakeCluster) -> None:
    tracer = HoldingFrameTracer()
    before = time.monotonic()
    session(make_cluster, tracer)

    names = [
        (direction, frame.payload.NAME)
        for direction, _, frame in tracer.frames
        if isinstance(frame, AMQPMethodFrame)
    ]
    for direction, name in [
        ('to_client', 'connection.start'),
        ('to_server', 'connection.start-ok'),
        ('to_client', 'connection.open-ok'),
        ('to_server', 'queue.declare'),
        ('to_client', 'basic.consume-ok'),
        ('to_server', 'basic.publish'),
        ('to_client', 'basic.deliver'),
        ('to_client', 'basic.ack'),
        ('to_server', 'connection.close'),
        ('to_client', 'connection.close-ok'),
    ]:
        assert (direction, name) in names
    for direction in ('to_server', 'to_client'):
        frames = [frame for way, _, frame in tracer.frames if way == direction]
        assert any(isinstance(f, AMQPHeaderFrame) and f.body_size == 8 for f in frames)
        assert any(isinstance(f, AMQPBodyFrame) and bytes(f.data) == b'the body' for f in frames)
    stamps = [timestamp for _, timestamp, _ in tracer.frames]
    assert stamps == sorted(stamps)
    assert before <= stamps[0]
    assert stamps[-1] <= time.monotonic()


def test_holding_frame_tracer_clears() -> None:
    tracer = HoldingFrameTracer()
    tracer.on_frame(1.5, FRAME, 'to_server')
    assert tracer.frames == [('to_server', 1.5, FRAME)]
    tracer.clear()
    assert tracer.frames == []


@pytest.mark.integration
def test_credentials_are_masked_in_what_a_tracer_sees(make_cluster: MakeCluster) -> None:
    tracer = HoldingFrameTracer()
    make_cluster(log_frames=tracer).start()
    (start_ok,) = [
        frame.payload
        for _, _, frame in tracer.frames
        if isinstance(frame, AMQPMethodFrame) and isinstance(frame.payload, ConnectionStartOk)
    ]
    response = start_ok.response
    assert b'guest' not in (response.encode() if isinstance(response, str) else response)


def test_logging_frame_tracer_warns_unless_told_otherwise(
    caplog: pytest.LogCaptureFixture,
) -> None:
    LoggingFrameTracer().on_frame(1.5, FRAME, 'to_server')
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert 'to_server' in record.getMessage()
    assert 'BasicPublish' in record.getMessage()


def test_logging_frame_tracer_takes_a_logger_and_a_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, 'mine')
    LoggingFrameTracer(logging.getLogger('mine'), logging.DEBUG).on_frame(1.5, FRAME, 'to_client')
    LoggingFrameTracer(logger=logging.getLogger('mine'), log_level=logging.INFO).on_frame(
        1.5, FRAME, 'to_client'
    )
    assert [(record.name, record.levelno) for record in caplog.records] == [
        ('mine', logging.DEBUG),
        ('mine', logging.INFO),
    ]
