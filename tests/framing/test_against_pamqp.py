"""Our wire against that of pamqp, an independent codec: methods, tables, properties and frames.

Values are matched by the order of their fields, since some have other names there.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pamqp.base
import pamqp.body
import pamqp.commands
import pamqp.encode
import pamqp.frame
import pamqp.header
import pamqp.heartbeat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coolamqp.framing.collector import FrameCollector
from coolamqp.framing.definitions import (
    METHODS,
    AccessRequest,
    AccessRequestOk,
    ChannelOpen,
    ChannelOpenOk,
)
from coolamqp.framing.field_table import encode_table, plain_table
from coolamqp.framing.frames import (
    HEARTBEAT_FRAME,
    PROTOCOL_HEADER,
    AMQPBodyFrame,
    AMQPHeaderFrame,
    AMQPHeartbeatFrame,
    AMQPMethodFrame,
    encode_method,
)
from coolamqp.framing.method import Method, layout
from coolamqp.framing.properties import PROPERTY_NAMES, BasicContentPropertyList
from tests.framing.strategies import signed, unsigned

# What pamqp calls otherwise.
RENAMED = {'nowait': 'no_wait', 'exchange_type': 'type_'}
# pamqp has the fields that the specification reserves as attributes; we do not.
RESERVED = {
    'capabilities',
    'channel_id',
    'cluster_id',
    'insist',
    'known_hosts',
    'out_of_band',
    'ticket',
}

# pamqp holds strings to the character sets and lengths of the specification's domains.
names = st.text('abcdefghijklmnopqrstuvwxyz0123456789.-_', max_size=100)
texts = st.text(max_size=60)

# A value as pamqp takes it, and the same with the letter that pamqp chooses for it.
Paired = tuple[Any, tuple[Any, str]]


def paired(letter: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Paired]:
    return values.map(lambda value: (value, (value, letter)))


def _integer_letter(value: int) -> str:
    for letter, low, high in (
        ('b', -(2**7), 2**7 - 1),
        ('s', -(2**15), 2**15 - 1),
        ('u', 0, 2**16 - 1),
        ('I', -(2**31), 2**31 - 1),
        ('i', 0, 2**32 - 1),
    ):
        if low <= value <= high:
            return letter
    return 'l'


scalars: st.SearchStrategy[Paired] = st.one_of(
    paired('t', st.booleans()),
    st.one_of(*map(signed, (8, 16, 17, 32, 33, 64))).map(lambda n: (n, (n, _integer_letter(n)))),
    paired('f', st.floats(width=32, allow_nan=False, allow_infinity=False)),
    # pamqp reads a negative decimal as a positive one, so there are none here.
    paired('D', st.builds(lambda n, e: Decimal(n).scaleb(-e), unsigned(31), st.integers(0, 20))),
    paired('S', texts),
    paired('x', st.binary(max_size=60).map(bytearray)),
    paired('T', unsigned(32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))),
    paired('V', st.none()),
)


def _array(items: list[Paired]) -> Paired:
    return [plain for plain, _ in items], ([typed for _, typed in items], 'A')


def _table(items: dict[str, Paired]) -> Paired:
    # pamqp sorts by name.
    typed = [(name, typed) for name, (_, typed) in sorted(items.items())]
    return {name: plain for name, (plain, _) in items.items()}, (typed, 'F')


def _containers(values: st.SearchStrategy[Paired]) -> st.SearchStrategy[Paired]:
    arrays = st.lists(values, max_size=4).map(_array)
    return arrays | st.dictionaries(names, values, max_size=4).map(_table)


tables = st.dictionaries(names, st.recursive(scalars, _containers, max_leaves=8), max_size=5).map(
    _table
)

FIELDS: dict[str, st.SearchStrategy[Any]] = {
    'octet': unsigned(8),
    'short': unsigned(16),
    'long': unsigned(32),
    'longlong': unsigned(63),  # pamqp reads and writes it signed
    'bit': st.booleans(),
    'shortstr': names,
    'longstr': texts,
    'table': tables,
}

Pair = tuple[Method, pamqp.base.Frame]


@st.composite
def pairs(draw: st.DrawFn, cls: type[Method]) -> Pair:
    """Draw a method as ours and as pamqp's, with the same fields."""
    theirs = their_class(cls)()
    ours = cls()
    for (name, kind), their_name in zip(layout(cls), their_fields(cls), strict=True):
        value = draw(FIELDS[kind])
        if (cls.NAME, name) == ('basic.publish', 'immediate'):
            value = False  # RabbitMQ has no such thing, so pamqp refuses it
        plain, typed = (value[0], value[1][0]) if kind == 'table' else (value, value)
        setattr(ours, name, typed)
        setattr(theirs, their_name, plain)
    return ours, theirs


def their_class(cls: type[Method]) -> type[pamqp.base.Frame]:
    class_id, method_id = cls.INDEX
    return pamqp.commands.INDEX_MAPPING[class_id << 16 | method_id]


def their_fields(cls: type[Method]) -> list[str]:
    return [name for name in their_class(cls).attributes() if name not in RESERVED]


def plain(value: Any, kind: str) -> Any:
    """Turn a field that we decoded into what pamqp makes of it."""
    if kind == 'table':
        return plain_table(value)
    return value.decode('utf-8') if isinstance(value, bytes) else value


BOTH = [cls for cls in METHODS.values() if cls not in (AccessRequest, AccessRequestOk)]


def test_both_have_the_same_methods() -> None:
    assert {class_id << 16 | method_id for class_id, method_id in (cls.INDEX for cls in BOTH)} == (
        set(pamqp.commands.INDEX_MAPPING)
    )


@pytest.mark.parametrize('cls', BOTH, ids=lambda cls: cls.NAME)
def test_both_have_the_same_fields_and_names(cls: type[Method]) -> None:
    theirs = their_class(cls)
    names = [RENAMED.get(name, name) for name in their_fields(cls)]

    assert [name for name, _ in layout(cls)] == names
    assert [kind for _, kind in layout(cls)] == [
        theirs.amqp_type(name) for name in their_fields(cls)
    ]
    assert theirs.name.replace('.', '') == cls.__name__


@pytest.mark.filterwarnings('ignore:This command is deprecated')  # basic.recover-async
@pytest.mark.parametrize('cls', BOTH, ids=lambda cls: cls.NAME)
@settings(max_examples=30)  # of each method
@given(data=st.data(), channel=unsigned(16))
def test_methods_both_ways(cls: type[Method], data: st.DataObject, channel: int) -> None:
    ours, theirs = data.draw(pairs(cls))
    our_wire = encode_method(channel, ours)
    their_wire = pamqp.frame.marshal(theirs, channel)

    # The reserved string of these two is '0' for pamqp, and empty for RabbitMQ and us.
    if cls not in (ChannelOpen, ChannelOpenOk):
        assert our_wire == their_wire
    eaten, their_channel, read = pamqp.frame.unmarshal(our_wire)
    assert (eaten, their_channel, type(read)) == (len(our_wire), channel, type(theirs))
    assert isinstance(read, pamqp.base.Frame)
    (frame,) = FrameCollector().feed(their_wire)
    assert isinstance(frame, AMQPMethodFrame)
    assert (frame.channel, type(frame.payload)) == (channel, cls)
    for (name, kind), their_name in zip(layout(cls), their_fields(cls), strict=True):
        assert plain(getattr(frame.payload, name), kind) == read[their_name]


@given(tables)
def test_tables_both_ways(table: Paired) -> None:
    theirs, (ours, _) = table

    assert encode_table(ours) == pamqp.encode.field_table(theirs)


@given(tables)
def test_plain_values_reach_pamqp_whatever_letter_we_choose(table: Paired) -> None:
    theirs, _ = table
    wire = encode_table(theirs)

    assert pamqp.decode.field_table(wire) == (len(wire), theirs)


PROPERTY_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(PROPERTY_NAMES, names.filter(bool)),  # pamqp leaves out what is empty
    'headers': tables.filter(lambda table: bool(table[0])),
    'delivery_mode': st.sampled_from((1, 2)),
    'priority': unsigned(8),
    'timestamp': unsigned(32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
}
del PROPERTY_FIELDS['reserved']  # pamqp wants it empty


@given(st.fixed_dictionaries({}, optional=PROPERTY_FIELDS), unsigned(63), unsigned(16))
def test_properties_both_ways(values: dict[str, Any], size: int, channel: int) -> None:
    theirs = pamqp.commands.Basic.Properties()
    for name, value in values.items():
        their_name = 'message_type' if name == 'type_' else name
        setattr(theirs, their_name, value[0] if name == 'headers' else value)
    wire = pamqp.frame.marshal(pamqp.header.ContentHeader(0, size, theirs), channel or 1)
    if 'headers' in values:
        values['headers'] = values['headers'][1][0]
    ours = AMQPHeaderFrame(channel or 1, 60, 0, size, BasicContentPropertyList(**values))

    assert ours.encode() == wire

    (read,) = FrameCollector().feed(wire)
    assert isinstance(read, AMQPHeaderFrame)
    assert (read.class_id, read.body_size, read.properties) == (60, size, ours.properties)
    _, _, their_header = pamqp.frame.unmarshal(ours.encode())
    assert isinstance(their_header, pamqp.header.ContentHeader)
    assert their_header.properties == theirs


@given(st.binary(min_size=1), st.integers(1, 65535))
def test_bodies_both_ways(data: bytes, channel: int) -> None:
    wire = pamqp.frame.marshal(pamqp.body.ContentBody(data), channel)

    assert AMQPBodyFrame(channel, data).encode() == wire
    assert FrameCollector().feed(wire) == [AMQPBodyFrame(channel, data)]


def test_heartbeats_and_protocol_headers() -> None:
    assert pamqp.frame.marshal(pamqp.heartbeat.Heartbeat(), 0) == HEARTBEAT_FRAME
    assert FrameCollector().feed(HEARTBEAT_FRAME) == [AMQPHeartbeatFrame()]
    assert pamqp.frame.marshal(pamqp.header.ProtocolHeader(), 0) == PROTOCOL_HEADER
