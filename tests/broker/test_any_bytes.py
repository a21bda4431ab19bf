"""Any bytes at all, in the place of a protocol: frames in any order, cut off, damaged, too deep."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coolamqp.framing.definitions import (
    BasicAck,
    BasicConsume,
    BasicGet,
    BasicPublish,
    BasicReject,
    ChannelClose,
    ChannelOpen,
    ConnectionClose,
    ConnectionOpen,
    ConnectionStartOk,
    ConnectionTuneOk,
    ExchangeDeclare,
    QueueBind,
    QueueDeclare,
    TxCommit,
    TxSelect,
)
from coolamqp.framing.field_table import encode_table
from coolamqp.framing.frames import (
    METHOD_INDEX,
    PROTOCOL_HEADER,
    encode_frame,
    encode_method,
)
from coolamqp.framing.method import LONG_STRING, SHORT_STRING, TABLE, Method, layout
from coolamqp.framing.primitives import LONG, SHORT
from tests.broker import invariants
from tests.broker.chaos import no_errors_logged
from tests.broker.rig import Client, Rig
from tests.framing.strategies import methods

channels = st.sampled_from([0, 1, 2, 3, 65535])
frames = (
    st.builds(encode_method, channels, methods)
    | st.builds(encode_frame, st.integers(0, 255), channels, st.binary(max_size=60))
    | st.builds(encode_frame, st.sampled_from([1, 2, 3, 8]), channels, st.binary(max_size=60))
    | st.binary(max_size=60)
)
streams = st.lists(frames, max_size=15).map(b''.join)
stages = st.sampled_from(['connected', 'greeted', 'open'])


def client_at(rig: Rig, stage: str) -> Client:
    """Return a client that has come so far."""
    if stage == 'open':
        client = rig.connect()
        client.open_channel(2)
        client.declare('q')
        return client
    client = rig.accept()
    if stage == 'greeted':
        client.feed(PROTOCOL_HEADER)
    client.take()
    return client


def check_served(rig: Rig) -> None:
    """Check the state, and that a client that behaves well is served."""
    invariants.check(rig)
    good = rig.connect()
    good.declare('good')
    good.confirm()
    good.publish(b'x', 'good')
    assert good.take() == [BasicAck(1, False)]
    message = good.get('good')
    assert message is not None
    assert message.body == b'x'
    good.lose()


@settings(max_examples=100)
@given(stages, streams, st.integers(1, 200))
def test_any_bytes(stage: str, stream: bytes, size: int) -> None:
    rig = Rig()
    with no_errors_logged():
        client = client_at(rig, stage)
        for start in range(0, len(stream), size):
            client.feed(stream[start : start + size])
        check_served(rig)
        rig.advance(30)
        client.lose()
        assert not rig.core.connections


# All that a client may do, from the first byte to the last.
SESSION = PROTOCOL_HEADER + b''.join(
    [
        encode_method(0, ConnectionStartOk({'a': 1}, 'PLAIN', '\0guest\0guest', 'en_US')),
        encode_method(0, ConnectionTuneOk(10, 4096, 0)),
        encode_method(0, ConnectionOpen('/')),
        encode_method(1, ChannelOpen()),
        encode_method(1, ExchangeDeclare('x', 'topic', auto_delete=True)),
        encode_method(1, QueueDeclare('q', exclusive=True, arguments={'x-max-length': 5})),
        encode_method(1, QueueBind('q', 'x', '#')),
        encode_method(1, TxSelect()),
        encode_method(1, BasicPublish('x', 'k', True, False)),
        encode_frame(2, 1, b'\0\x3c\0\0' + bytes(7) + b'\4\x08\0\5'),
        encode_frame(3, 1, b'ab'),
        encode_frame(3, 1, b'cd'),
        encode_method(1, TxCommit()),
        encode_method(1, BasicConsume('q', 'tag')),
        encode_method(1, BasicReject(1, True)),
        encode_method(1, BasicAck(2)),
        encode_method(1, TxCommit()),
        encode_method(1, BasicGet('q')),
        encode_method(1, ChannelClose()),
        encode_method(0, ConnectionClose()),
    ]
)


@pytest.mark.parametrize('how', ['lose', 'damage', 'repeat'])
def test_a_session_that_breaks_off_anywhere(how: str) -> None:
    rig = Rig()
    with no_errors_logged():
        for end in range(len(SESSION)):
            client = rig.accept()
            client.feed(SESSION[:end])
            if how == 'damage':
                client.feed(bytes([SESSION[end] ^ 0x55]) + SESSION[end + 1 :])
            elif how == 'repeat':
                client.feed(SESSION[max(0, end - 20) :])
            client.lose()
            assert not rig.vhost.queues
            assert not rig.core.connections
            assert rig.state.memory.used == 0
        check_served(rig)


def too_deep(levels: int) -> bytes:
    """Return an encoded table with arrays within arrays, without the help of the encoder."""
    value = b'V'
    for _ in range(levels):
        value = b'A' + LONG.pack(len(value)) + value
    return LONG.pack(len(value) + 2) + b'\1a' + value


@pytest.mark.parametrize('levels', [64, 65, 1000, 20_000])
def test_deep_tables(rig: Rig, client: Client, levels: int) -> None:
    method = METHOD_INDEX.pack(*QueueDeclare.INDEX) + b'\0\0\1q\0' + too_deep(levels)
    client.feed(encode_frame(1, 1, method))
    assert (b'q' in rig.vhost.queues) == (levels <= 64)

    other = rig.connect()
    other.declare('p', {'x-dead-letter-exchange': '', 'x-max-length': 0})
    other.exchange('h', 'headers')
    other.bind('p', 'h', arguments={'x-match': 'any', 'a': 1})
    header = b'\0\x3c\0\0' + bytes(8) + b'\x20\0' + too_deep(levels)
    for exchange in ('', 'h'):
        other.feed(
            encode_method(1, BasicPublish(exchange, 'p', False, False)) + encode_frame(2, 1, header)
        )
    if levels > 64:
        assert other.expect_close()[0] == 541
    check_served(rig)


def spoiled(method: type[Method], name: str) -> bytes:
    """Return a method frame with a text that is no UTF-8."""
    kinds = dict(layout(method))
    values: dict[str, Any] = {
        each: b'' if kind in (SHORT_STRING, LONG_STRING) else 0
        for each, kind in kinds.items()
        if kind != TABLE
    }
    values[name] = b'\xff\xfe\x80'
    return encode_method(1, method(**values))


SPOILED = [
    (method, name)
    for method in (
        ExchangeDeclare, QueueDeclare, QueueBind, BasicConsume, BasicGet, BasicPublish, ChannelOpen,
        ChannelClose,
    )
    for name, kind in layout(method)
    if kind in (SHORT_STRING, LONG_STRING)
]  # fmt: skip


@pytest.mark.parametrize(('method', 'name'), SPOILED)
def test_texts_that_are_no_utf_8(rig: Rig, client: Client, method: type[Method], name: str) -> None:
    client.feed(spoiled(method, name))
    if method is BasicPublish:
        client.feed(client.content(b''))
    client.take()

    check_served(rig)
    assert all(queue.name.decode() for queue in rig.vhost.queues.values())


def test_texts_in_tables_and_properties_that_are_no_utf_8(rig: Rig, client: Client) -> None:
    odd = b'\xff\xfe'
    client.declare('q', {odd: odd, 'x-dead-letter-exchange': odd})
    client.bind('q', 'amq.headers', arguments={odd: {odd: [odd]}})
    client.publish(b'', 'q', headers={odd: odd}, app_id=odd, content_type=odd, message_id=odd)
    client.publish(b'', odd.decode('latin-1'), 'amq.topic', headers={odd: {odd: [odd]}})
    client.feed(
        METHOD_TOPIC_PUBLISH + client.content(b'', headers={'CC': [odd], odd: {odd: [odd]}})
    )

    check_served(rig)
    assert len(rig.ready('q')) == 2


METHOD_TOPIC_PUBLISH = encode_frame(
    1, 1, METHOD_INDEX.pack(*BasicPublish.INDEX) + SHORT.pack(0) + b'\x0bamq.headers\2\xff\xfe\0'
)


def test_many_channels(rig: Rig, client: Client) -> None:
    opened = b''.join(encode_method(number, ChannelOpen()) for number in range(2, 65536))
    client.feed(opened)
    assert len(client.connection.channels) == 0
    assert client.closed() or client.expect_close()[0] == 530

    check_served(rig)


def test_large_frames(rig: Rig, client: Client) -> None:
    for kind in (1, 2, 3, 8):
        other = rig.connect()
        other.feed(bytes([kind]) + b'\0\1\xff\xff\xff\xff' + bytes(1000))
        assert other.expect_close()[0] == 501
    table = encode_table({f'n{number}': None for number in range(10_000)})
    method = METHOD_INDEX.pack(*QueueDeclare.INDEX) + b'\0\0\1q\0' + table
    client.feed(encode_frame(1, 1, method))

    assert len(rig.queue('q').arguments) == 10_000
    check_served(rig)
