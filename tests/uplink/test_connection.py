"""One connection, from the protocol header to the last close-ok."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from coolamqp.exceptions import AMQPError, ConnectionDead, WireError
from coolamqp.framing.definitions import (
    BasicAck,
    ChannelOpenOk,
    ConnectionBlocked,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionOpen,
    ConnectionOpenOk,
    ConnectionStart,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
    ConnectionUnblocked,
    QueueDeclareOk,
)
from coolamqp.framing.field_table import plain_table
from coolamqp.framing.frames import PROTOCOL_HEADER, AMQPHeartbeatFrame, encode_method
from coolamqp.framing.method import Method
from coolamqp.objects import NodeDefinition
from coolamqp.supervisor.client_properties import client_properties
from coolamqp.uplink.connection import CLOSE_TIMEOUT, HANDSHAKE_TIMEOUT
from coolamqp.uplink.states import ConnectionState
from tests.support.scripted_broker import SERVER_PROPERTIES, content, start
from tests.uplink.rig import TUNE, Peers, link_in

S = ConnectionState


@pytest.mark.parametrize('method', [BasicAck(1, False), QueueDeclareOk(b'q', 0, 0)])
def test_a_method_that_nobody_expects_on_channel_0_is_ignored(method: Method) -> None:
    link = link_in(S.OPEN)
    link.broker.send(0, method)
    assert link.broker.hear() == []
    ((_, what),) = link.observer.heard[1:]
    assert method.NAME in what


# The handshake


def test_what_is_said_in_a_handshake() -> None:
    node = NodeDefinition('broker', 'me', 'secret', 'jobs', heartbeat=30)
    link = Peers(node, properties=client_properties('my program', {'team': 'ours'}))
    assert link.connection.out.peek() == PROTOCOL_HEADER
    start_ok, tune_ok, open_ = link.broker.shake_hands(ConnectionTune(100, 8192, 60))

    assert isinstance(start_ok, ConnectionStartOk)
    assert start_ok.mechanism == b'PLAIN'
    assert start_ok.response == b'\0me\0secret'
    assert start_ok.locale == b'en_US'
    properties: Any = start_ok.client_properties
    said = plain_table(properties)
    assert said['connection_name'] == 'my program'
    assert said['team'] == 'ours'
    assert said['product'] == 'CoolAMQP'
    assert said['capabilities']['consumer_cancel_notify'] is True
    assert said['capabilities']['authentication_failure_close'] is True
    assert tune_ok == ConnectionTuneOk(100, 8192, 30)
    assert open_ == ConnectionOpen(b'jobs')
    assert link.observer.heard == ['open']
    server = link.connection.properties
    assert server is not None
    assert server.properties == SERVER_PROPERTIES
    assert server.mechanisms == ['AMQPLAIN', 'PLAIN']
    assert server.version == (0, 9)
    assert link.connection.wake_at() == link.clock.now + 15


def test_locales_that_are_too_long_for_an_answer_do_no_harm() -> None:
    link = link_in(S.AWAITING_START)
    link.broker.send(0, ConnectionStart(0, 9, {}, 'PLAIN', 'x' * 300))
    assert link.broker.expect(ConnectionStartOk).locale == b'en_US'


def test_a_handshake_byte_by_byte() -> None:
    link = Peers()
    for method in (start(), TUNE, ConnectionOpenOk()):
        for octet in encode_method(0, method):
            link.broker.feed(bytes((octet,)))
    assert link.observer.heard == ['open']


@pytest.mark.parametrize('split', range(1, 9))
def test_an_older_amqp_header(split: int) -> None:
    link = Peers()
    header = b'AMQP\x01\x01\x08\x00'
    for part in (header[:split], header[split:]):
        link.broker.feed(part)
    assert isinstance(link.observer.cause, ConnectionDead)
    assert 'AMQP 1.8.0' in str(link.observer.cause)


@pytest.mark.parametrize('split', [1, 2, 5])
@pytest.mark.parametrize('garbage', [b'HTTP/1.1 400 Bad Request', b'AM dial'])
def test_a_peer_that_is_no_broker(garbage: bytes, split: int) -> None:
    link = Peers()
    link.broker.feed(garbage[:split])
    link.broker.feed(garbage[split:])
    assert isinstance(link.observer.cause, ConnectionDead)
    assert 'no AMQP broker' in str(link.observer.cause)


@pytest.mark.parametrize('begins', [b'\x15\x03\x01\x00\x02', b'\x16\x03', b'\x15'])
def test_a_peer_that_speaks_tls(begins: bytes) -> None:
    link = Peers()
    link.broker.feed(begins)
    assert isinstance(link.observer.cause, ConnectionDead)
    assert 'use amqps://' in str(link.observer.cause)


def test_garbage_that_begins_like_a_frame() -> None:
    link = Peers()
    link.broker.hear()
    link.broker.feed(b'\x01' + b'\xff' * 20)
    assert isinstance(link.observer.cause, WireError)
    assert link.broker.expect(ConnectionClose).reply_code == 501


def test_hanging_up_during_login_hints_at_the_password() -> None:
    link = link_in(S.AWAITING_TUNE)
    link.connection.lost(ConnectionResetError('reset by peer'))
    assert 'wrong password' in str(link.observer.cause)
    assert 'reset by peer' in str(link.observer.cause)


@pytest.mark.parametrize('state', [S.AWAITING_START, S.AWAITING_OPEN_OK, S.OPEN])
def test_hanging_up_at_another_time_is_what_it_is(state: ConnectionState) -> None:
    link = link_in(state)
    cause = ConnectionResetError('reset by peer')
    link.connection.lost(cause)
    link.connection.lost(OSError('again'))
    assert link.observer.cause is cause


@pytest.mark.parametrize('state', [S.AWAITING_START, S.AWAITING_TUNE, S.AWAITING_OPEN_OK])
def test_a_handshake_ends_in_bounded_time(state: ConnectionState) -> None:
    link = link_in(state)
    assert link.connection.wake_at() == link.clock.now + HANDSHAKE_TIMEOUT
    link.advance(HANDSHAKE_TIMEOUT - 0.001)
    assert link.state() is state
    link.advance(0.001)
    assert isinstance(link.observer.cause, ConnectionDead)
    assert 'password' not in str(link.observer.cause)
    link.advance(100)
    assert link.connection.wake_at() == inf


def test_a_frame_max_below_what_the_specification_allows() -> None:
    link = link_in(S.AWAITING_TUNE)
    link.broker.send(0, ConnectionTune(0, 4095, 0))
    assert link.broker.expect(ConnectionClose).reply_code == 502
    assert '4095' in str(link.observer.cause)


def test_frames_longer_than_settled_are_refused() -> None:
    link = Peers().open(ConnectionTune(0, 4096, 0))
    _, handler = link.channel()
    link.broker.deliver(1, 1, b'x' * 4089, frame=4089)
    assert 'frame_max' in str(link.observer.cause)
    assert link.broker.expect(ConnectionClose).reply_code == 501
    assert handler.heard == ['lost']


# Ending


def test_a_close_by_the_broker_is_answered() -> None:
    link = Peers().open()
    _, handler = link.channel()
    link.broker.send(0, ConnectionClose(320, 'CONNECTION_FORCED - bye', 0, 0))
    assert isinstance(link.observer.cause, AMQPError)
    assert link.observer.cause.reply_code == 320
    link.broker.expect(ConnectionCloseOk)
    assert handler.heard == ['lost']
    link.broker.feed(b'whatever comes now')
    assert link.connection.out.size == 0


def test_nothing_is_said_after_close_ok_whatever_follows_in_the_same_chunk() -> None:
    link = Peers().open()
    link.broker.feed(encode_method(0, ConnectionClose(320, '', 0, 0)) + b'garbage of a dying node')
    link.broker.expect(ConnectionCloseOk)
    assert isinstance(link.observer.cause, AMQPError)


def test_closing_ends_with_close_ok() -> None:
    link = Peers().open()
    link.connection.close(link.clock.now)
    assert link.broker.expect(ConnectionClose).reply_code == 200
    link.broker.send(0, ConnectionCloseOk())
    assert link.observer.cause is None
    assert link.broker.hear() == []


def test_closing_takes_no_longer_than_the_close_timeout() -> None:
    link = link_in(S.CLOSING)
    assert link.connection.wake_at() == link.clock.now + CLOSE_TIMEOUT
    link.advance(CLOSE_TIMEOUT - 0.001)
    assert link.state() is S.CLOSING
    link.advance(0.001)
    assert link.observer.cause is None


def test_a_transport_that_is_lost_while_closing_is_a_good_end() -> None:
    link = link_in(S.CLOSING)
    link.connection.lost(ConnectionResetError('reset by peer'))
    assert link.observer.cause is None


def test_closing_during_the_handshake_ends_at_once() -> None:
    link = link_in(S.AWAITING_TUNE)
    link.connection.close(link.clock.now)
    assert link.observer.cause is None
    assert link.state() is S.CLOSED


def test_frames_of_channels_are_ignored_while_closing() -> None:
    link = Peers().open()
    _, handler = link.channel()
    link.connection.close(link.clock.now)
    link.broker.deliver(1, 1)
    link.broker.send(7, ChannelOpenOk())
    assert handler.heard == []
    assert link.state() is S.CLOSING


def test_frames_on_a_channel_that_is_not_open_are_ignored() -> None:
    link = link_in(S.OPEN)
    for channel in (5, 65535):
        link.broker.feed(encode_method(channel, ChannelOpenOk()) + content(channel, b'body'))
    assert link.broker.hear() == []
    assert link.observer.heard[1:] == [
        ('ignored', f'a method on channel {channel}, which is not open') for channel in (5, 65535)
    ]


def test_blocked_and_unblocked() -> None:
    link = Peers().open()
    link.broker.send(0, ConnectionBlocked('low on m\xe9mory'), ConnectionUnblocked())
    assert link.observer.heard[1:] == [
        ('blocked', True, 'low on m\xe9mory'),
        ('blocked', False, ''),
    ]


# Heartbeats


def test_heartbeats_are_sent_at_half_the_interval_without_other_traffic() -> None:
    link = Peers().open(ConnectionTune(0, 0, 10))
    link.advance(4)
    link.connection.out.append(encode_method(0, ConnectionUnblocked()))
    link.broker.hear()
    link.advance(4.999)
    assert link.broker.hear() == []
    link.advance(0.001)
    assert link.broker.hear() == [AMQPHeartbeatFrame()]
    assert link.connection.wake_at() == link.clock.now + 5


def test_a_silent_peer_is_gone_after_seven_quarters_of_an_interval() -> None:
    link = Peers().open(ConnectionTune(0, 0, 10))
    link.broker.feed(AMQPHeartbeatFrame().encode())
    for _ in range(3):
        link.advance(5)
    assert link.state() is S.OPEN
    assert link.connection.wake_at() == link.clock.now + 2.5
    link.advance(2.499)
    assert link.state() is S.OPEN
    link.advance(0.001)
    assert isinstance(link.observer.cause, ConnectionDead)
    assert '10 s' in str(link.observer.cause)


def test_any_byte_is_a_sign_of_life() -> None:
    link = Peers().open(ConnectionTune(0, 0, 10))
    for octet in AMQPHeartbeatFrame().encode() * 2:
        link.advance(17)
        link.broker.feed(bytes((octet,)))
    assert link.state() is S.OPEN


def test_silence_does_not_count_while_reading_is_paused() -> None:
    link = Peers().open(ConnectionTune(0, 0, 10))
    link.connection.set_reading(False, link.clock.now)
    link.advance(1000)
    assert link.state() is S.OPEN
    link.broker.hear()
    assert link.connection.wake_at() == link.clock.now + 5
    link.connection.set_reading(True, link.clock.now)
    link.connection.set_reading(True, link.clock.now + 9)  # no news
    link.advance(17.499)
    assert link.state() is S.OPEN
    link.advance(0.001)
    assert link.state() is S.CLOSED


def test_heartbeats_go_on_while_a_close_is_on_its_way_and_a_lost_peer_ends_it() -> None:
    link = Peers().open(ConnectionTune(0, 0, 1))
    link.connection.close(link.clock.now)
    link.advance(1.75)
    assert link.observer.cause is None


def test_without_heartbeats_an_open_connection_never_wakes() -> None:
    link = Peers().open(ConnectionTune(0, 0, 0))
    assert link.connection.wake_at() == inf
    link.advance(100000)
    assert link.state() is S.OPEN
    assert link.broker.hear() == []
