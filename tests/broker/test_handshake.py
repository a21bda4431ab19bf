"""The handshake, the broker's side."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.broker.state import Limits
from coolamqp.framing.definitions import (
    ChannelOpen,
    ConnectionClose,
    ConnectionOpen,
    ConnectionOpenOk,
    ConnectionStart,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
    QueueDeclare,
)
from coolamqp.framing.frames import PROTOCOL_HEADER, encode_method
from coolamqp.framing.method import Method
from tests.broker.rig import Rig

START_OK = ConnectionStartOk({}, 'PLAIN', '\0guest\0guest', 'en_US')
JUST_BEFORE = 0.001  # seconds
HEARTBEAT = 10  # seconds


def test_a_handshake_may_come_in_any_pieces(rig: Rig) -> None:
    client = rig.accept()
    methods = (START_OK, ConnectionTuneOk(10, 131072, 0), ConnectionOpen('/'))
    for byte in PROTOCOL_HEADER + b''.join(encode_method(0, method) for method in methods):
        client.feed(bytes([byte]))

    kinds = [type(method) for method in client.take()]
    assert kinds == [ConnectionStart, ConnectionTune, ConnectionOpenOk]


def test_a_handshake_may_come_at_once(rig: Rig) -> None:
    client = rig.accept()
    methods = (START_OK, ConnectionTuneOk(10, 131072, 0), ConnectionOpen('/'))
    client.feed(PROTOCOL_HEADER + b''.join(encode_method(0, method) for method in methods))
    client.open_channel(1)

    assert client.declare('q') == 'q'


@pytest.mark.parametrize('start', [b'GET / HTTP/1.1\r\n', b'AMQP\x00\x01\x00\x00', b'AMQX'])
def test_another_protocol_is_answered_with_the_right_header(rig: Rig, start: bytes) -> None:
    client = rig.accept()
    client.feed(start)

    assert client.closed()
    assert client.raw == PROTOCOL_HEADER
    assert not rig.core.connections


def test_the_limits_are_proposed_and_kept() -> None:
    rig = Rig(Limits(heartbeat=7, frame_max=8192, channel_max=3))
    client = rig.accept()
    client.feed(PROTOCOL_HEADER)
    client.send(START_OK, channel=0)
    client.expect(ConnectionStart, 0)
    assert client.expect(ConnectionTune, 0) == ConnectionTune(3, 8192, 7)

    client.send(ConnectionTuneOk(3, 8192, 0), ConnectionOpen('/'), channel=0)
    client.expect(ConnectionOpenOk, 0)
    for number in (1, 2, 60_000):
        client.open_channel(number)
    assert client.refused(ChannelOpen(), channel=4)[0] == 530


@pytest.mark.parametrize(
    'tune',
    [
        ConnectionTuneOk(0, 131072, 0),
        ConnectionTuneOk(2048, 131072, 0),
        ConnectionTuneOk(10, 0, 0),
        ConnectionTuneOk(10, 131073, 0),
        ConnectionTuneOk(10, 4095, 0),
    ],
)
def test_a_client_with_limits_beyond_those_of_the_broker_is_hung_up_on(
    rig: Rig, tune: ConnectionTuneOk
) -> None:
    client = rig.accept()
    client.feed(PROTOCOL_HEADER)
    client.send(START_OK, channel=0)

    client.take()
    client.send(tune, channel=0)
    assert client.closed()
    assert not client.received


@pytest.mark.parametrize('announces', [True, False])
def test_a_refused_login(rig: Rig, announces: bool) -> None:
    client = rig.accept()
    client.feed(PROTOCOL_HEADER)
    client.expect(ConnectionStart, 0)
    properties = {'capabilities': {'authentication_failure_close': announces}}
    client.send(ConnectionStartOk(properties, 'PLAIN', '\0guest\0wrong', 'en_US'), channel=0)

    if announces:
        assert client.expect_close()[0] == 403
    assert not client.received
    assert client.closed()


@pytest.mark.parametrize('vhost', ['missing', '\N{SNOWMAN}', ''])
def test_a_missing_virtual_host_is_refused(rig: Rig, vhost: str) -> None:
    client = rig.accept()
    client.feed(PROTOCOL_HEADER)
    client.send(START_OK, ConnectionTuneOk(10, 131072, 0), channel=0)

    assert client.refused(ConnectionOpen(vhost), channel=0)[0] == 530


@pytest.mark.parametrize(
    'method', [ConnectionOpen('/'), ConnectionTuneOk(1, 4096, 0), ConnectionClose(), QueueDeclare()]
)
@pytest.mark.parametrize('channel', [0, 1])
def test_a_client_that_leaves_out_a_step_is_hung_up_on(
    rig: Rig, method: Method, channel: int
) -> None:
    client = rig.accept()
    client.feed(PROTOCOL_HEADER)
    client.take()
    client.send(method, START_OK, channel=channel)

    assert client.closed()
    assert not client.received
    assert not rig.core.connections


@pytest.mark.parametrize('capabilities', [None, 5, [1], {'basic.nack': 'yes'}, {}])
def test_a_client_may_say_anything_of_itself(rig: Rig, capabilities: Any) -> None:
    client = rig.accept()
    client.feed(PROTOCOL_HEADER)
    properties = {'capabilities': capabilities, 'connection_name': b'\xff', 'product': [b'\xff']}
    client.send(ConnectionStartOk(properties, 'PLAIN', '\0guest\0guest', 'en_US'), channel=0)
    client.send(ConnectionTuneOk(10, 131072, 0), ConnectionOpen('/'), channel=0)
    client.take()
    client.open_channel(1)

    assert client.declare('q') == 'q'
    assert client.connection.client_name == "b'\\xff'"
