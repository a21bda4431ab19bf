"""Clients that want to bring the broker down, or to use up its memory."""

from __future__ import annotations

from coolamqp.framing.definitions import QueueDelete
from tests.broker.rig import Client, Rig

# What comes and goes leaves nothing behind


def test_exclusive_queues_that_come_and_go(client: Client) -> None:
    for number in range(100):
        client.declare(f'q{number}', exclusive=True)
        client.call(QueueDelete(f'q{number}'))
    client.declare('kept', exclusive=True)

    assert len(client.connection.session.exclusive_queues) == 1


def test_exclusive_queues_that_delete_themselves(rig: Rig, client: Client) -> None:
    client.declare('expires', {'x-expires': 10}, exclusive=True)
    client.declare('unused', exclusive=True, auto_delete=True)
    client.consume('unused', 'tag')
    client.cancel('tag')
    rig.advance(1)

    assert not client.connection.session.exclusive_queues
