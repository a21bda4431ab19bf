"""A connection, the broker's side: handshake, heartbeats, endings, and the time that they have."""

from __future__ import annotations

from math import inf

import pytest

from coolamqp.broker.connection import CLOSE_TIMEOUT, HANDSHAKE_TIMEOUT
from coolamqp.framing.definitions import (
    BasicPublish,
    ChannelClose,
    ChannelCloseOk,
    ChannelOpen,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionOpen,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
    ConnectionUpdateSecret,
    QueueDeclare,
)
from coolamqp.framing.frames import HEARTBEAT_FRAME, PROTOCOL_HEADER, encode_method
from coolamqp.framing.method import Method
from tests.broker.rig import Client, Rig, next_wake

START_OK = ConnectionStartOk({}, 'PLAIN', '\0guest\0guest', 'en_US')
JUST_BEFORE = 0.001  # seconds
HEARTBEAT = 10  # seconds


@pytest.mark.parametrize('steps', range(4))
def test_a_handshake_has_its_time(rig: Rig, steps: int) -> None:
    client = rig.accept()
    said = [
        PROTOCOL_HEADER,
        encode_method(0, START_OK),
        encode_method(0, ConnectionTuneOk(10, 131072, 0)),
    ]
    for data in said[:steps]:
        rig.advance(1)
        client.feed(data)

    rig.advance(HANDSHAKE_TIMEOUT - steps - JUST_BEFORE)
    assert not client.closed()
    rig.advance(JUST_BEFORE)
    assert client.closed()
    assert not rig.core.connections


def test_an_open_connection_may_be_silent_for_ever(rig: Rig, client: Client) -> None:
    assert next_wake(rig) == inf
    rig.advance(1e6)

    assert not client.closed()


def test_a_frame_over_the_negotiated_size_ends_the_connection(rig: Rig) -> None:
    client = rig.connect(frame_max=4096)
    client.feed(b'\x01\x00\x01' + (4097).to_bytes(4, 'big'))

    assert client.expect_close()[0] == 501


@pytest.mark.parametrize(
    'method',
    [ConnectionOpen('/'), ConnectionTuneOk(10, 131072, 0), ConnectionStartOk(), ConnectionTune()],
)
def test_a_method_of_another_stage_is_refused(client: Client, method: Method) -> None:
    code, text = client.refused(method, channel=0)

    assert code == 504
    assert 'unexpected method' in text


def test_a_secret_may_be_updated(client: Client) -> None:
    client.call(ConnectionUpdateSecret('secret', 'because'), channel=0)


# Heartbeats


def test_a_client_that_is_silent_for_too_long_is_gone(rig: Rig) -> None:
    client = rig.connect(heartbeat=HEARTBEAT)
    rig.advance(1.75 * HEARTBEAT - JUST_BEFORE)
    client.feed(HEARTBEAT_FRAME)
    rig.advance(1.75 * HEARTBEAT - JUST_BEFORE)
    assert not client.closed()

    rig.advance(JUST_BEFORE)
    assert client.closed()
    assert not rig.core.connections


def test_half_a_frame_is_a_sign_of_life(rig: Rig) -> None:
    client = rig.connect(heartbeat=HEARTBEAT)
    for byte in HEARTBEAT_FRAME:
        rig.advance(HEARTBEAT)
        client.feed(bytes([byte]))

    assert not client.closed()


def test_the_broker_sends_a_heartbeat_when_it_has_nothing_else_to_say(rig: Rig) -> None:
    client = rig.connect(heartbeat=HEARTBEAT)
    client.reads = False
    rig.advance(HEARTBEAT / 2 - JUST_BEFORE)
    assert not client.connection.pieces()

    rig.advance(JUST_BEFORE)
    assert b''.join(client.connection.pieces()) == HEARTBEAT_FRAME


def test_silence_means_nothing_while_the_broker_does_not_read(rig: Rig) -> None:
    client = rig.connect(heartbeat=HEARTBEAT)
    rig.core.raise_alarm('low')
    client.publish(b'x', 'q')
    rig.advance(10 * HEARTBEAT)
    assert not client.closed()

    rig.core.clear_alarm()
    rig.run()
    rig.advance(1.75 * HEARTBEAT)
    assert client.closed()


# Endings


def test_a_client_closes(rig: Rig, client: Client) -> None:
    client.declare('q', exclusive=True)
    client.close()

    assert not rig.core.connections
    assert not rig.vhost.queues


def test_after_a_hard_error_everything_but_close_ok_is_ignored(rig: Rig, client: Client) -> None:
    client.send(QueueDeclare('q', durable=True), channel=7)
    client.take()
    client.send(QueueDeclare('late', durable=True), ChannelOpen(), channel=1)
    client.publish(b'x', 'late')
    assert not client.received
    assert not rig.vhost.queues

    client.send(ConnectionCloseOk(), channel=0)
    assert client.closed()


def test_a_client_that_does_not_answer_a_close_is_hung_up_on(rig: Rig, client: Client) -> None:
    client.send(QueueDeclare('q'), channel=7)
    rig.advance(CLOSE_TIMEOUT - JUST_BEFORE)
    assert not client.closed()

    rig.advance(JUST_BEFORE)
    assert client.closed()


def test_both_sides_may_close_at_once(rig: Rig, client: Client) -> None:
    rig.core.close_all('bye')
    rig.run()
    client.send(ConnectionClose(200, 'bye', 0, 0), channel=0)

    assert [type(each) for each in client.take()] == [ConnectionClose, ConnectionCloseOk]
    client.lose()
    assert not rig.core.connections


def test_a_client_that_has_closed_is_to_close_the_socket(rig: Rig, client: Client) -> None:
    client.send(ConnectionClose(200, 'bye', 0, 0), channel=0)
    client.send(ConnectionClose(200, 'bye', 0, 0), channel=0)
    rig.advance(CLOSE_TIMEOUT - JUST_BEFORE)
    assert not client.closed()

    rig.advance(JUST_BEFORE)
    assert client.closed()


def test_a_client_that_does_not_read_the_end_is_hung_up_on(rig: Rig, client: Client) -> None:
    client.reads = False
    rig.core.close_all('bye')
    client.send(ConnectionCloseOk(), channel=0)
    rig.advance(CLOSE_TIMEOUT - JUST_BEFORE)
    assert not client.closed()

    rig.advance(JUST_BEFORE)
    assert client.closed()
    assert not rig.core.connections


def test_a_lost_connection_leaves_nothing_behind(rig: Rig, client: Client) -> None:
    other = rig.connect()
    client.declare('mine', exclusive=True)
    client.declare('shared')
    client.publish(b'x', 'shared')
    client.consume('shared')
    assert rig.unacked('shared') == 1
    client.lose()

    assert next_wake(rig) == inf
    assert list(rig.vhost.queues) == [b'shared']
    assert rig.ready('shared') == [b'x']
    assert list(rig.core.connections) == [other.connection.number]


# Channels


def test_a_method_on_a_channel_that_is_not_open_is_refused(client: Client) -> None:
    code, text = client.refused(QueueDeclare('q'), channel=2)

    assert (code, text) == (504, "CHANNEL_ERROR - expected 'channel.open'")


def test_content_on_a_channel_that_is_not_open_is_refused(client: Client) -> None:
    client.feed(client.content(b'x', channel=2))

    assert client.expect_close()[0] == 505


def test_content_on_channel_0_is_refused(client: Client) -> None:
    client.feed(client.content(b'x', channel=0))

    assert client.expect_close()[0] == 504


def test_a_close_ok_that_nobody_waits_for_is_refused(client: Client) -> None:
    assert client.refused(ChannelCloseOk(), channel=2)[0] == 504


def test_a_number_is_free_again_after_the_close_ok(client: Client) -> None:
    code, _ = client.refused(QueueDeclare('missing', passive=True))
    assert code == 404
    client.open_channel(1)
    client.call(ChannelClose(200, 'done', 0, 0))
    client.open_channel(1)


def test_a_publish_crosses_the_close_of_its_channel(rig: Rig, client: Client) -> None:
    client.declare('q')
    client.send(QueueDeclare('missing', passive=True))
    client.send(BasicPublish('', 'q', False, False))
    client.feed(client.content(b'x'))
    client.expect_close()
    client.open_channel(1)

    assert rig.ready('q') == []
