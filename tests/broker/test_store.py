"""The store on disk: everything durable is there again, as it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coolamqp.broker import store
from coolamqp.broker.policies import Policy
from coolamqp.broker.store import FILE, DiskStore
from coolamqp.broker.views import describe
from coolamqp.framing.definitions import BasicQos, BasicReject, ExchangeBind, QueueUnbind
from tests.broker.rig import WALL_OFFSET, Client, Rig

OpenRig = Callable[[], Rig]


@pytest.fixture
def open_rig(no_leaks: None, tmp_path: Path) -> Any:
    """Open a broker on one and the same folder, again and again."""
    opened: list[Rig] = []

    def open_next() -> Rig:
        if opened:
            opened[-1].state.store.close()
        rig = Rig(store=DiskStore(tmp_path / 'new' / 'folder', lambda: WALL_OFFSET))
        if opened:
            rig.now = opened[-1].now
            rig.state.timers.advance(rig.now)
        opened.append(rig)
        disk = rig.state.store
        assert isinstance(disk, DiskStore)
        disk.load(rig.state)
        return rig

    yield open_next
    for each in opened[-1:]:
        each.state.store.close()


def test_topology_and_policies_are_there_again(open_rig: OpenRig) -> None:
    rig = open_rig()
    client = rig.connect()
    client.declare('classic', {'x-max-length': 3, 'mine': [1, {'a': b'\xff'}]}, auto_delete=True)
    client.declare('quorum', {'x-queue-type': 'quorum'})
    client.declare('stream', {'x-queue-type': 'stream', 'x-max-age': '1D'})
    client.exchange('x', 'topic', {'alternate-exchange': 'y'}, durable=True, internal=True)
    client.exchange('y', 'headers', durable=True, auto_delete=True)
    client.bind('classic', 'x', 'a.#')
    client.bind('classic', 'y', '', {'a': 1, 'b': True, 'x-match': 'any'})
    client.bind('quorum', 'amq.direct', 'k')
    client.call(ExchangeBind('y', 'amq.fanout', ''))
    client.bind('quorum', 'amq.direct', 'gone')
    client.call(QueueUnbind('quorum', 'amq.direct', 'gone'))
    rig.vhost.set_policy(Policy('p', '^q', 'queues', 5, {'max-length': 2}))
    rig.vhost.set_policy(Policy('gone', '', 'all', 0, {}))
    rig.vhost.clear_policy('gone')
    rig.state.add_vhost('other')
    text = describe(rig.vhost)

    again = open_rig()
    assert describe(again.vhost) == text
    assert set(again.state.vhosts) == {'/', 'other'}
    assert [policy.name for policy in again.vhost.policies] == ['p']
    assert again.queue('quorum').options.max_length == 2
    exchange = again.vhost.exchange(b'x')
    assert (exchange.alternate, exchange.internal) == (b'y', True)
    assert describe(open_rig().vhost) == text


def test_persistent_messages_are_there_again_in_order(open_rig: OpenRig) -> None:
    rig = open_rig()
    client = rig.connect()
    client.declare('q')
    client.exchange('x', durable=True)
    client.bind('q', 'x')
    for body in (b'1', b'2', b'3', b'4'):
        client.publish(body, 'k', 'x', delivery_mode=2, headers={'a': [1]}, app_id='app')
    client.publish(b'transient', 'q')
    client.get('q')
    client.get('q')
    client.ack(1)
    client.send(BasicReject(2, True))
    client.get('q')

    again = open_rig()
    assert again.ready('q') == [b'2', b'3', b'4']
    first = again.queue('q').messages()[0]
    assert (first.exchange, first.routing_key) == (b'x', b'k')
    assert (first.decoded.app_id, first.headers) == (b'app', [(b'a', ([(1, 'I')], 'A'))])
    publisher = again.connect()
    publisher.publish(b'5', 'q', delivery_mode=2)
    assert open_rig().ready('q') == [b'2', b'3', b'4', b'5']


def test_a_stream_keeps_its_offsets(open_rig: OpenRig) -> None:
    rig = open_rig()
    client = rig.connect()
    client.declare('s', {'x-queue-type': 'stream', 'x-max-length-bytes': 3})
    for body in (b'0', b'1', b'2', b'3', b'4'):
        client.publish(body, 's')

    consumer = open_rig().connect()
    consumer.call(BasicQos(0, 10, False))
    consumer.publish(b'5', 's')
    consumer.consume('s', arguments={'x-stream-offset': 'first'})
    found = [(each.headers['x-stream-offset'], each.body) for each in consumer.deliveries()]
    assert found == [(3, b'3'), (4, b'4'), (5, b'5')]


def test_time_to_live_goes_on_while_the_broker_is_down(open_rig: OpenRig) -> None:
    rig = open_rig()
    client = rig.connect()
    client.declare('q', {'x-message-ttl': 10_000})
    client.publish(b'x', 'q', delivery_mode=2)
    rig.advance(4)

    rig = open_rig()
    rig.advance(6 - 0.001)
    assert rig.ready('q') == [b'x']
    rig.advance(0.001)
    assert rig.ready('q') == []
    rig.now += 10
    assert open_rig().ready('q') == []


def test_what_a_longer_policy_drops_at_the_start_stays_dropped(open_rig: OpenRig) -> None:
    rig = open_rig()
    client = rig.connect()
    client.declare('q')
    rig.vhost.set_policy(Policy('p', 'q', 'queues', 0, {'max-length': 1}))
    client.publish(b'1', 'q', delivery_mode=2)
    client.get('q')
    client.publish(b'2', 'q', delivery_mode=2)

    again = open_rig()
    assert again.ready('q') == [b'2']
    again.vhost.clear_policy('p')
    assert open_rig().ready('q') == [b'2']


def test_a_deleted_virtual_host_is_gone(open_rig: OpenRig) -> None:
    rig = open_rig()
    rig.add_vhost('other')
    client = rig.connect('other')
    client.declare('q')
    client.publish(b'x', 'q', delivery_mode=2)
    rig.core.delete_vhost('other')
    rig.add_vhost('other')

    assert not open_rig().state.vhosts['other'].queues


def test_nothing_is_stored_before_the_commit(open_rig: OpenRig, tmp_path: Path) -> None:
    rig = open_rig()
    client = rig.connect()
    client.declare('q')
    disk = rig.state.store
    client.connection.session.vhost.queue(b'q').publish(message(rig, client))
    assert isinstance(disk, DiskStore)
    disk._database.execute('ROLLBACK')

    assert open_rig().ready('q') == []


def message(rig: Rig, client: Client) -> Any:
    client.publish(b'x', 'nowhere', delivery_mode=2)
    return next(reversed(rig.state.published))


def test_an_exclusive_queue_leaves_nothing(open_rig: OpenRig) -> None:
    rig = open_rig()
    client = rig.connect()
    client.declare('q', exclusive=True)
    client.bind('q', 'amq.direct', 'k')
    client.publish(b'x', 'q', delivery_mode=2)

    again = open_rig()
    assert not again.vhost.queues
    assert not again.vhost.exchange(b'amq.direct').bindings


def test_a_file_that_is_no_store_is_not_touched(no_leaks: None, tmp_path: Path) -> None:
    content = b'no store at all' * 100
    (tmp_path / FILE).write_bytes(content)

    with pytest.raises(sqlite3.DatabaseError, match='not a database'):
        DiskStore(tmp_path, lambda: 0.0)
    assert (tmp_path / FILE).read_bytes() == content


def test_a_store_of_a_later_version_is_not_touched(no_leaks: None, tmp_path: Path) -> None:
    DiskStore(tmp_path, lambda: 0.0).close()
    database = sqlite3.connect(tmp_path / FILE)
    database.execute('PRAGMA user_version = 99')
    database.close()

    with pytest.raises(sqlite3.DatabaseError, match='format 99'):
        DiskStore(tmp_path, lambda: 0.0)


def test_a_folder_that_cannot_be_made(no_leaks: None, tmp_path: Path) -> None:
    (tmp_path / 'file').touch()

    with pytest.raises(OSError, match='file'):
        DiskStore(tmp_path / 'file' / 'folder', lambda: 0.0)


def test_a_folder_in_use_is_refused(
    no_leaks: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, 'LOCK_TIMEOUT', 0.0)
    first = DiskStore(tmp_path, lambda: 0.0)
    with pytest.raises(sqlite3.OperationalError, match='another broker uses the folder'):
        DiskStore(tmp_path, lambda: 0.0)
    first.close()
    DiskStore(tmp_path, lambda: 0.0).close()
