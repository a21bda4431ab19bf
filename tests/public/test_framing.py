"""coolamqp.framing, row by row: definitions, frames, field_table."""

from __future__ import annotations

import io
from typing import Any

import pytest

from coolamqp.framing import definitions
from coolamqp.framing.definitions import (
    BasicConsume,
    BasicContentPropertyList,
    BasicDeliver,
    BasicPublish,
    QueueDeclare,
)
from coolamqp.framing.field_table import deframe_table, enframe_table
from coolamqp.framing.frames import (
    AMQPBodyFrame,
    AMQPHeaderFrame,
    AMQPHeartbeatFrame,
    AMQPMethodFrame,
)

METHODS: dict[str, Any] = {
    name: getattr(definitions, name)
    for name in definitions.__all__
    if getattr(getattr(definitions, name), 'NAME', '')
}
TABLE: Any = [
    (b'bool', (True, 't')),
    (b'int', (-1, 'I')),
    (b'long', (2**40, 'l')),
    (b'double', (0.5, 'd')),
    (b'text', (b'hello', 'S')),
    (b'none', (None, 'V')),
    (b'table', ([(b'inner', (b'text', 'S'))], 'F')),
    (b'array', ([(1, 'I'), (b'two', 'S')], 'A')),
]


def written(obj: Any, write: str = 'write_to') -> bytes:
    buffer = io.BytesIO()
    getattr(obj, write)(buffer)
    return buffer.getvalue()


# -- definitions


def test_definitions_have_every_method_of_the_protocol() -> None:
    assert len(METHODS) >= 64
    for name, (method, index) in {
        'ConnectionStart': ('connection.start', (10, 10)),
        'ChannelOpen': ('channel.open', (20, 10)),
        'ExchangeDeclare': ('exchange.declare', (40, 10)),
        'ExchangeBind': ('exchange.bind', (40, 30)),
        'QueueDeclare': ('queue.declare', (50, 10)),
        'QueueUnbind': ('queue.unbind', (50, 50)),
        'BasicPublish': ('basic.publish', (60, 40)),
        'BasicNack': ('basic.nack', (60, 120)),
        'ConfirmSelect': ('confirm.select', (85, 10)),
        'TxSelect': ('tx.select', (90, 10)),
        'ConnectionUpdateSecret': ('connection.update-secret', (10, 70)),
    }.items():
        assert method == METHODS[name].NAME
        assert index == METHODS[name].INDEX


def test_definitions_take_fields_by_position_without_the_reserved_ones() -> None:
    publish = BasicPublish('ex', 'key', True, False)
    assert (publish.exchange, publish.routing_key) == ('ex', 'key')
    assert (publish.mandatory, publish.immediate) == (True, False)
    deliver = BasicDeliver(b'tag', 7, False, b'ex', b'key')
    assert (deliver.consumer_tag, deliver.delivery_tag, deliver.redelivered) == (b'tag', 7, False)
    declare = QueueDeclare(b'q', False, True, False, False, False, [])
    assert (declare.queue, declare.durable, declare.arguments) == (b'q', True, [])
    consume = BasicConsume(b'q', b'tag', False, True, False, False, [])
    assert (consume.consumer_tag, consume.no_local, consume.no_ack) == (b'tag', False, True)


@pytest.mark.parametrize('method', METHODS.values(), ids=METHODS)
def test_definitions_write_measure_and_read_their_arguments(method: Any) -> None:
    blank = method.from_buffer(written(method(), 'write_arguments'), 0)
    encoded = written(blank, 'write_arguments')
    assert blank.get_size() == len(encoded)
    assert method.from_buffer(b'before' + encoded, 6) == blank


def test_definitions_write_what_the_specification_says() -> None:
    publish = BasicPublish('ex', b'key', True, False)
    assert written(publish, 'write_arguments') == b'\x00\x00\x02ex\x03key\x01'
    assert publish.get_size() == 10


def test_definitions_have_the_constants() -> None:
    assert (definitions.FRAME_METHOD, definitions.FRAME_HEADER) == (1, 2)
    assert (definitions.FRAME_BODY, definitions.FRAME_HEARTBEAT) == (3, 8)
    assert (definitions.FRAME_END, definitions.FRAME_MIN_SIZE) == (206, 4096)


# -- frames

FRAMES: dict[str, tuple[Any, bytes]] = {
    'method': (
        AMQPMethodFrame(5, BasicPublish('ex', 'key', False, False)),
        b'\x01\x00\x05\x00\x00\x00\x0e\x00\x3c\x00\x28\x00\x00\x02ex\x03key\x00\xce',
    ),
    'header': (
        AMQPHeaderFrame(5, 60, 0, 4, BasicContentPropertyList(delivery_mode=2)),
        b'\x02\x00\x05\x00\x00\x00\x0f\x00\x3c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x10\x00\x02\xce',
    ),
    'body': (AMQPBodyFrame(5, b'body'), b'\x03\x00\x05\x00\x00\x00\x04body\xce'),
    'heartbeat': (AMQPHeartbeatFrame(), b'\x08\x00\x00\x00\x00\x00\x00\xce'),
}


@pytest.mark.parametrize(('frame', 'expected'), FRAMES.values(), ids=FRAMES)
def test_frames_write_and_measure_themselves(frame: Any, expected: bytes) -> None:
    assert written(frame) == expected
    assert frame.get_size() == len(expected)


def test_frames_have_their_parts() -> None:
    method, header, body = (FRAMES[name][0] for name in ('method', 'header', 'body'))
    assert (method.channel, method.payload.NAME) == (5, 'basic.publish')
    assert (header.channel, header.class_id, header.weight, header.body_size) == (5, 60, 0, 4)
    assert header.properties.delivery_mode == 2
    assert (body.channel, body.data) == (5, b'body')


# -- field_table


def test_field_table_goes_through_the_wire_in_the_typed_form() -> None:
    buffer = io.BytesIO()
    enframe_table(buffer, TABLE)
    encoded = buffer.getvalue()

    table, eaten = deframe_table(b'before' + encoded + b'after', 6)
    assert table == TABLE
    assert eaten == len(encoded)


def test_field_table_of_nothing() -> None:
    buffer = io.BytesIO()
    enframe_table(buffer, [])
    assert buffer.getvalue() == b'\x00\x00\x00\x00'
    assert deframe_table(buffer.getvalue(), 0) == ([], 4)
