"""The hot path against the declarations, byte by byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.strings import BytesWriter

from coolamqp.exceptions import WireError
from coolamqp.framing import hot
from coolamqp.framing.definitions import (
    BasicAck,
    BasicDeliver,
    BasicGetOk,
    BasicNack,
    BasicPublish,
    BasicReject,
    BasicReturn,
    decode_method,
)
from coolamqp.framing.frames import END, METHOD_INDEX, AMQPBodyFrame, AMQPHeaderFrame, encode_method
from coolamqp.framing.method import Method, layout
from coolamqp.framing.properties import BasicContentPropertyList
from coolamqp.framing.text import ReceivedBytes
from coolamqp.reply_codes import SYNTAX_ERROR
from tests.framing.strategies import fields_of, long_strings, short_strings, unsigned

channels = unsigned(16)
tags = unsigned(64)
INDICES = [
    METHOD_INDEX.pack(*method.INDEX)
    for method in (BasicDeliver, BasicGetOk, BasicPublish, BasicAck, BasicNack, BasicReject)
]
PROPERTIES = BasicContentPropertyList(content_type='text/plain', delivery_mode=2)


def payload_of(method: Any) -> bytes:
    return METHOD_INDEX.pack(*method.INDEX) + bytes(method.encode_arguments())


def written(write: Callable[..., None], *arguments: Any) -> bytes:
    writer = BytesWriter()
    write(writer, *arguments)
    return writer.getvalue()


# Writing


def test_the_indices_are_as_declared() -> None:
    for index, method in (
        (hot.BASIC_PUBLISH, BasicPublish()),
        (hot.BASIC_RETURN, BasicReturn()),
        (hot.BASIC_DELIVER, BasicDeliver()),
        (hot.BASIC_GET_OK, BasicGetOk()),
        (hot.BASIC_ACK, BasicAck()),
        (hot.BASIC_REJECT, BasicReject()),
        (hot.BASIC_NACK, BasicNack()),
    ):
        payload = payload_of(method)
        assert hot.method_index(b'x' + payload, 1, 1 + len(payload)) == index
        assert hot.method_index(payload, 0, 3) == 0


@pytest.mark.parametrize(
    ('write', 'cls'),
    [
        (hot.write_publish, BasicPublish),
        (hot.write_deliver, BasicDeliver),
        (hot.write_get_ok, BasicGetOk),
        (hot.write_return, BasicReturn),
    ],
    ids=lambda each: each.__name__,
)
@given(channel=channels, data=st.data())
def test_what_begins_a_content_is_written_as_declared(
    write: Callable[..., None], cls: type[Method], channel: int, data: st.DataObject
) -> None:
    """Without the end of its frame, which the header writes."""
    declared = cls(*data.draw(fields_of(cls)))
    if isinstance(declared, BasicPublish):
        declared.immediate = False  # RabbitMQ has no such thing
    fields = [getattr(declared, name) for name, _ in layout(cls) if name != 'immediate']

    assert written(write, channel, *fields) == encode_method(channel, declared)[:-1]


@given(channels, unsigned(63))
def test_a_header_ends_the_frame_before_it(channel: int, size: int) -> None:
    declared = AMQPHeaderFrame(channel, 60, 0, size, PROPERTIES).encode()

    assert written(hot.write_header, channel, PROPERTIES.encoded, size) == END + declared[:-1]


@given(channels, st.binary())
def test_a_body_ends_the_frame_before_it(channel: int, body: bytes) -> None:
    declared = AMQPBodyFrame(channel, body).encode()

    assert written(hot.begin_body, channel, len(body)) + body + END == END + declared
    assert written(hot.end_frame) == END


@given(channels, tags, st.booleans(), st.booleans())
def test_settlements_are_as_declared(channel: int, tag: int, first: bool, second: bool) -> None:
    assert written(hot.write_ack, channel, tag, first) == encode_method(
        channel, BasicAck(tag, first)
    )
    assert written(hot.write_nack, channel, tag, first, second) == encode_method(
        channel, BasicNack(tag, first, second)
    )
    assert written(hot.write_reject, channel, tag, first) == encode_method(
        channel, BasicReject(tag, first)
    )


# Reading


@given(short_strings, tags, st.booleans(), short_strings, short_strings)
def test_the_envelope_of_a_delivery(
    consumer_tag: bytes, tag: int, redelivered: bool, exchange: bytes, key: bytes
) -> None:
    payload = payload_of(BasicDeliver(consumer_tag, tag, redelivered, exchange, key))
    envelope = hot.Envelope(payload, hot.BASIC_DELIVER)

    assert envelope.payload == payload
    assert envelope.consumer_tag == consumer_tag
    assert envelope.delivery_tag == tag
    assert envelope.redelivered is redelivered
    assert envelope.exchange == exchange
    assert envelope.routing_key == key
    assert isinstance(envelope.routing_key, ReceivedBytes)


@given(tags, st.booleans(), short_strings, short_strings, unsigned(32))
def test_the_envelope_of_a_fetched_message(
    tag: int, redelivered: bool, exchange: bytes, key: bytes, left: int
) -> None:
    payload = payload_of(BasicGetOk(tag, redelivered, exchange, key, left))
    envelope = hot.Envelope(payload, hot.BASIC_GET_OK)

    assert envelope.consumer_tag == b''
    assert envelope.delivery_tag == tag
    assert envelope.redelivered is redelivered
    assert (envelope.exchange, envelope.routing_key) == (exchange, key)


@given(fields_of(BasicPublish))
def test_the_envelope_of_a_publish(fields: tuple[Any, ...]) -> None:
    envelope = hot.PublishEnvelope(payload_of(BasicPublish(*fields)))

    assert published(envelope) == fields


def published(envelope: hot.PublishEnvelope) -> tuple[bytes, bytes, bool, bool]:
    return envelope.exchange, envelope.routing_key, envelope.mandatory, envelope.immediate


@pytest.mark.parametrize(
    ('method', 'kind', 'name'),
    [
        (BasicDeliver(b'tag', 7, True, b'ex', b'key'), hot.BASIC_DELIVER, 'basic.deliver'),
        (BasicGetOk(7, False, b'ex', b'key', 0), hot.BASIC_GET_OK, 'basic.get-ok'),
    ],
)
def test_an_envelope_that_is_cut_short_is_an_error(
    method: BasicDeliver | BasicGetOk, kind: int, name: str
) -> None:
    payload = payload_of(method)
    without_count = len(payload) - (4 if isinstance(method, BasicGetOk) else 0)
    for end in range(without_count):
        with pytest.raises(WireError) as caught:
            _ = hot.Envelope(payload[:end], kind).routing_key
        assert caught.value.reply_code == SYNTAX_ERROR
    with pytest.raises(WireError, match=f'{name} of 4 bytes'):
        hot.Envelope(payload[:4], kind)


def test_a_publish_that_is_cut_short_or_goes_on_is_an_error() -> None:
    payload = payload_of(BasicPublish(b'ex', b'key', True, False))
    for wrong in (*(payload[:end] for end in range(len(payload))), payload + b'x'):
        with pytest.raises(WireError, match=f'basic.publish of {len(wrong)} bytes') as caught:
            hot.PublishEnvelope(wrong)
        assert caught.value.reply_code == SYNTAX_ERROR


@given(st.binary(max_size=30), st.binary(max_size=300))
def test_a_publish_is_understood_exactly_where_its_declaration_is(
    start: bytes, rest: bytes
) -> None:
    payload = METHOD_INDEX.pack(*BasicPublish.INDEX) + start + rest
    try:
        declared = decode_method(payload)
    except WireError:
        with pytest.raises(WireError):
            hot.PublishEnvelope(payload)
    else:
        assert isinstance(declared, BasicPublish)
        assert published(hot.PublishEnvelope(payload)) == (
            declared.exchange,
            declared.routing_key,
            declared.mandatory,
            declared.immediate,
        )


@given(tags, st.booleans(), st.booleans(), st.binary(max_size=9))
def test_settlements_are_read_as_declared(
    tag: int, first: bool, second: bool, before: bytes
) -> None:
    for method, bits in (
        (BasicAck(tag, first), first * hot.ACK_MULTIPLE),
        (BasicNack(tag, first, second), first * hot.NACK_MULTIPLE + second * hot.NACK_REQUEUE),
        (BasicReject(tag, first), first * hot.REJECT_REQUEUE),
    ):
        buffer = before + payload_of(method)
        assert hot.decode_settlement(buffer, len(before), len(buffer)) == (tag, bits)


@pytest.mark.parametrize('method', [BasicAck(7), BasicNack(7), BasicReject(7)])
@pytest.mark.parametrize('size', [4, 12, 14])
def test_a_settlement_of_the_wrong_size_is_an_error_that_names_it(
    size: int, method: BasicAck | BasicNack | BasicReject
) -> None:
    buffer = payload_of(method) + b'x'
    with pytest.raises(WireError, match=f'{method.NAME} of {size} bytes') as caught:
        hot.decode_settlement(buffer, 0, size)
    assert caught.value.reply_code == SYNTAX_ERROR


@pytest.mark.parametrize('size', [0, 3])
def test_a_settlement_without_an_index_is_an_error(size: int) -> None:
    with pytest.raises(WireError, match=f'a settlement of {size} bytes'):
        hot.decode_settlement(bytes(30), 5, 5 + size)


@given(unsigned(16), tags, short_strings, long_strings)
def test_a_content_header(class_id: int, size: int, content_type: bytes, before: bytes) -> None:
    properties = BasicContentPropertyList(content_type=content_type)
    frame = AMQPHeaderFrame(1, class_id, 0, size, properties).encode()
    buffer = before + frame

    assert hot.decode_content_header(buffer, len(before) + 7, len(buffer) - 1) == (
        class_id,
        size,
        properties.encoded,
    )


@pytest.mark.parametrize('size', [0, 12, 13])
def test_a_content_header_of_the_wrong_size_is_an_error(size: int) -> None:
    with pytest.raises(WireError, match=f'a content header of {size} bytes'):
        hot.decode_content_header(bytes(30), 5, 5 + size)
    hot.decode_content_header(bytes(30), 5, 5 + 14)


@given(st.sampled_from((b'', *INDICES)), st.binary())
def test_garbage_is_understood_or_an_error(start: bytes, data: bytes) -> None:
    payload = start + data
    for read in (
        lambda: hot.Envelope(payload).consumer_tag,
        lambda: hot.Envelope(payload).redelivered,
        lambda: hot.Envelope(payload).exchange,
        lambda: hot.Envelope(payload).routing_key,
        lambda: hot.Envelope(payload, hot.BASIC_GET_OK).routing_key,
        lambda: hot.PublishEnvelope(payload),
        lambda: hot.decode_settlement(payload, 0, len(payload)),
        lambda: hot.decode_content_header(payload, 0, len(payload)),
    ):
        try:
            read()
        except WireError:
            continue
