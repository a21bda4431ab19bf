"""What the broker tells a store, and when."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.broker.delivery import Entry
from coolamqp.broker.policies import Policy
from coolamqp.broker.storage import Storage
from coolamqp.framing.definitions import BasicReject, QueueDelete, QueuePurge, QueueUnbind
from tests.broker.rig import Client, Rig


class Notes(Storage):
    """Keeps the names of what is stored."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self._numbers = 0

    def add_exchange(self, vhost: str, exchange: Any) -> None:
        self.kept.append(f'exchange {exchange.name.decode()}')

    def delete_exchange(self, vhost: str, exchange: Any) -> None:
        self.kept.remove(f'exchange {exchange.name.decode()}')

    def add_queue(self, vhost: str, queue: Any) -> None:
        self.kept.append(f'queue {queue.name.decode()}')

    def delete_queue(self, vhost: str, queue: Any) -> None:
        name = queue.name.decode()
        mine = (f'queue {name}', f'message in {name}')
        self.kept = [each for each in self.kept if not each.startswith(mine)]

    def add_binding(self, vhost: str, source: Any, binding: Any) -> None:
        self.kept.append(f'binding {binding.routing_key.decode()}')

    def delete_binding(self, vhost: str, source: Any, binding: Any) -> None:
        name = f'binding {binding.routing_key.decode()}'
        self.kept = [each for each in self.kept if each != name]

    def set_policy(self, vhost: str, policy: Policy) -> None:
        self.kept.append(f'policy {policy.name}')

    def clear_policy(self, vhost: str, name: str) -> None:
        self.kept.remove(f'policy {name}')

    def add_message(self, vhost: str, entry: Entry) -> None:
        self._numbers += 1
        entry.stored = self._numbers
        self.kept.append(f'message in {entry.queue.name.decode()} {entry.message.body.decode()}')

    def remove_message(self, entry: Entry) -> None:
        entry.stored = 0
        self.kept.remove(f'message in {entry.queue.name.decode()} {entry.message.body.decode()}')


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def rig(notes: Notes) -> Rig:
    return Rig(store=notes)


def test_only_what_is_durable_is_stored(client: Client, notes: Notes) -> None:
    client.declare('q')
    client.declare('transient', durable=False)
    client.declare('exclusive', exclusive=True)
    client.exchange('x', durable=True)
    client.exchange('y')
    client.bind('q', 'x', 'both')
    client.bind('q', 'y', 'source')
    client.bind('transient', 'x', 'destination')
    client.bind('exclusive', 'x', 'owned')
    client.bind('q', 'amq.direct', 'predeclared')

    assert notes.kept == ['queue q', 'exchange x', 'binding both', 'binding predeclared']


def test_what_is_undone_is_deleted(rig: Rig, client: Client, notes: Notes) -> None:
    client.declare('q')
    client.exchange('x', durable=True)
    client.bind('q', 'x', '1')
    client.bind('q', 'x', '2')
    rig.vhost.set_policy(Policy('p', '', 'all', 0, {}))
    rig.vhost.clear_policy('p')
    client.call(QueueUnbind('q', 'x', '1'))
    assert notes.kept == ['queue q', 'exchange x', 'binding 2']

    client.call(QueueDelete('q'))
    assert notes.kept == ['exchange x']


def test_a_persistent_message_is_stored_until_it_is_settled(
    rig: Rig, client: Client, notes: Notes
) -> None:
    client.declare('q')
    client.declare('transient', durable=False)
    for queue in ('q', 'transient'):
        client.publish(b'persistent', queue, delivery_mode=2)
        client.publish(b'transient', queue, delivery_mode=1)
    assert notes.kept == ['queue q', 'message in q persistent']

    client.get('q')
    client.send(BasicReject(1, True))
    assert 'message in q persistent' in notes.kept
    client.get('q')
    client.ack(2)
    assert notes.kept == ['queue q']


def test_a_message_is_deleted_however_it_goes(rig: Rig, client: Client, notes: Notes) -> None:
    client.declare('q', {'x-max-length': 1, 'x-message-ttl': 1000})
    client.publish(b'1', 'q', delivery_mode=2)
    client.publish(b'2', 'q', delivery_mode=2)
    assert notes.kept == ['queue q', 'message in q 2']

    rig.advance(1)
    assert notes.kept == ['queue q']
    client.publish(b'3', 'q', delivery_mode=2)
    client.call(QueuePurge('q'))
    client.publish(b'4', 'q', delivery_mode=2)
    client.get('q', no_ack=True)
    client.consume('q', no_ack=True)
    client.publish(b'5', 'q', delivery_mode=2)
    assert notes.kept == ['queue q']


def test_a_quorum_queue_and_a_stream_store_all_messages(client: Client, notes: Notes) -> None:
    for kind in ('quorum', 'stream'):
        client.declare(kind, {'x-queue-type': kind})
        client.publish(b'x', kind)

    assert [each for each in notes.kept if 'message' in each] == [
        'message in quorum x',
        'message in stream x',
    ]


def test_the_store_of_a_broker_in_memory_keeps_nothing() -> None:
    store = Storage()
    rig = Rig(store=store)
    client = rig.connect()
    client.declare('q')
    client.publish(b'x', 'q', delivery_mode=2)

    assert rig.entries('q')[0].stored == 0
