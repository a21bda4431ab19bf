"""The core: all connections, the time, and the commands."""

from __future__ import annotations

import logging

import pytest

from coolamqp.framing.definitions import (
    BasicAck,
    BasicPublish,
    ConnectionBlocked,
    ConnectionUnblocked,
    QueueDeclare,
)
from coolamqp.framing.frames import encode_method
from tests.broker.rig import Client, Rig


def test_the_core_wakes_for_the_first_of_all_times(rig: Rig) -> None:
    rig.connect()
    assert rig.core.wake_at() == float('inf')
    slow = rig.connect(heartbeat=60)
    assert rig.core.wake_at() == rig.now + 30
    slow.declare('q', {'x-expires': 5000})
    assert rig.core.wake_at() == rig.now + 5
    rig.accept()
    rig.advance(5)
    assert rig.core.wake_at() == rig.now + 5


def fail() -> None:
    raise ZeroDivisionError


def test_an_error_of_the_broker_costs_one_connection(
    rig: Rig, client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = rig.connect()

    monkeypatch.setattr(rig.vhost, 'queue', lambda _: fail())
    code, _ = client.refused(QueueDeclare('q', passive=True))
    monkeypatch.undo()

    assert code == 541
    assert 'internal error of the broker' in caplog.text
    caplog.clear()
    assert other.declare('q') == 'q'


def test_an_error_at_a_timer_costs_no_connection(
    rig: Rig, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    rig.state.timers.after(1, fail)
    client.declare('q', {'x-message-ttl': 1000})
    client.publish(b'x', 'q')
    rig.advance(1)
    rig.advance(0)

    assert 'internal error of the broker' in caplog.text
    caplog.clear()
    assert rig.ready('q') == []
    client.declare('p')


def test_the_log_tells_the_life_of_a_connection(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, 'coolamqp.broker')
    client = rig.connect()
    client.send(QueueDeclare('q'), channel=2)
    client.lose()

    opens, closes, ends = caplog.messages
    assert "connection 1 from rig opens '/' as 'guest'" in opens
    assert 'CHANNEL_ERROR' in closes
    assert 'CHANNEL_ERROR' in ends
    assert [vars(record)['coolamqp_event'] for record in caplog.records] == [
        'broker_connection_opened',
        'broker_connection_refused',
        'broker_connection_ended',
    ]
    assert {vars(record)['coolamqp_peer'] for record in caplog.records} == {'rig'}


def test_confirms_of_what_came_together_go_together(rig: Rig, client: Client) -> None:
    client.declare('q')
    client.confirm()
    publish = encode_method(1, BasicPublish('', 'q', False, False)) + client.content(b'x')
    client.feed(3 * publish)

    assert client.take() == [BasicAck(3, True)]


def test_all_connections_are_closed(rig: Rig, client: Client) -> None:
    other = rig.connect()
    rig.core.close_all('we close')
    rig.run()

    for each in (client, other):
        assert each.expect_close() == (320, 'CONNECTION_FORCED - we close')
        assert each.closed()


def test_a_virtual_host_is_deleted_with_its_connections(rig: Rig, client: Client) -> None:
    rig.add_vhost('other')
    stranger = rig.connect('other')
    stranger.declare('q')
    rig.core.delete_vhost('other')
    rig.run()

    assert stranger.expect_close()[0] == 320
    assert not client.closed()
    assert list(rig.state.vhosts) == ['/']


def test_an_alarm_blocks_who_publishes(rig: Rig, client: Client) -> None:
    client.declare('q')
    consumer = rig.connect()
    consumer.consume('q', no_ack=True)
    rig.core.raise_alarm('low on memory')
    client.publish(b'x', 'q')
    client.publish(b'y', 'q')

    assert client.take() == [ConnectionBlocked(b'low on memory')]
    assert not consumer.received
    assert consumer.declare('other') == 'other'

    rig.core.clear_alarm()
    rig.run()
    assert client.take() == [ConnectionUnblocked()]
    assert consumer.bodies() == [b'x', b'y']
