"""The methods that consume and fetch messages."""

from __future__ import annotations

from coolamqp.framing.definitions import (
    BasicCancel,
    BasicConsume,
    BasicConsumeOk,
    BasicGet,
    BasicGetEmpty,
)
from tests.broker.rig import Client, Rig


def test_a_consumer_tag_is_used_once(client: Client) -> None:
    client.declare('q')
    generated = client.consume('q')
    assert generated.startswith('amq.ctag-')
    client.open_channel(2)
    client.consume('q', generated, channel=2)

    assert client.refused(BasicConsume('q', generated))[0] == 530


def test_an_exclusive_consumer_is_alone(rig: Rig, client: Client) -> None:
    client.declare('q')
    client.consume('q', 'tag', exclusive=True)
    other = rig.connect()
    assert other.refused(BasicConsume('q'))[0] == 403

    client.call(BasicCancel('tag'))
    other.open_channel(1)
    other.consume('q')
    assert client.refused(BasicConsume('q', exclusive=True))[0] == 403


def test_deliveries_come_behind_the_consume_ok(client: Client) -> None:
    client.declare('q')
    client.publish(b'x', 'q')
    client.send(BasicConsume('q', 'tag'))

    assert client.expect(BasicConsumeOk) == BasicConsumeOk(b'tag')
    assert client.bodies() == [b'x']


def test_an_empty_queue_has_nothing_to_get(client: Client) -> None:
    client.declare('q')

    assert isinstance(client.call(BasicGet('q')), BasicGetEmpty)
