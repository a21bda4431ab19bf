"""The embedded broker: start and end, restart, folders, and what tests ask of it."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from coolamqp.broker import Broker, store
from coolamqp.framing.definitions import (
    BasicAck,
    BasicCancel,
    BasicNack,
    ConnectionBlocked,
    ConnectionUnblocked,
    QueueDeclare,
)
from tests.behaviour.client import RawConnection
from tests.behaviour.wire import Disconnected, Refused

pytestmark = pytest.mark.usefixtures('no_leaks')
PATIENCE = 30.0  # seconds

# A broker in a folder, which says where it is and runs until it is killed.
PROGRAM = """
import sys, threading
from coolamqp.broker import Broker
broker = Broker(folder=sys.argv[1]).start()
print(broker.url, flush=True)
threading.Event().wait()
"""


@pytest.fixture
def broker(no_leaks: None) -> Iterator[Broker]:
    """A broker that runs."""
    with Broker() as broker:
        yield broker


# Start and end


def test_a_broker_runs_on_a_thread_of_its_own() -> None:
    with Broker() as broker:
        assert broker.is_running
        assert 'coolamqp-broker' in {thread.name for thread in threading.enumerate()}
        RawConnection(broker.url).close()
    assert not broker.is_running


async def test_a_broker_runs_on_the_loop() -> None:
    threads = set(threading.enumerate())
    async with Broker() as broker:
        assert set(threading.enumerate()) == threads
        broker.add_vhost('v')
        reader, writer = await asyncio.open_connection(broker.host, broker.port)
        writer.write(b'AMQP\0\0\x09\x01')
        assert (await reader.readexactly(1)) == b'\x01'
        writer.close()
        assert broker.queues() == []
    assert not broker.is_running


async def test_other_threads_may_use_a_broker_on_the_loop() -> None:
    def work(broker: Broker) -> list[str]:
        with RawConnection(broker.url) as connection:
            connection.channel().queue('q')
        broker.restart()
        return broker.queues()

    async with Broker() as broker:
        assert await asyncio.to_thread(work, broker) == ['q']
        with pytest.raises(RuntimeError, match='call it from another thread'):
            broker.restart()


def test_a_broker_may_be_started_again() -> None:
    broker = Broker()
    for _ in range(3):
        broker.start()
        RawConnection(broker.url).close()
        broker.stop()
        broker.stop()


def test_a_broker_that_runs_is_not_started_again(broker: Broker) -> None:
    with pytest.raises(RuntimeError, match='is running already'):
        broker.start()
    RawConnection(broker.url).close()


async def test_a_broker_that_runs_is_not_entered_again() -> None:
    async with Broker() as broker:
        with pytest.raises(RuntimeError, match='is running already'):
            await broker.__aenter__()


def test_two_brokers_are_two_worlds() -> None:
    with Broker() as one, Broker() as other:
        with RawConnection(one.url) as connection:
            connection.channel().queue('q')
        assert (one.queues(), other.queues()) == (['q'], [])


def test_a_broker_that_does_not_run_says_so() -> None:
    broker = Broker()
    for use in (
        broker.queues,
        broker.restart,
        broker.drop_connections,
        broker.heal,
        lambda: broker.add_vhost('v'),
        lambda: broker.published,
    ):
        with pytest.raises(RuntimeError, match='the broker is not running'):
            use()


@pytest.mark.parametrize('in_folder', [False, True])
def test_a_port_that_is_taken(broker: Broker, tmp_path: Path, in_folder: bool) -> None:
    other = Broker(port=broker.port, folder=tmp_path if in_folder else None)
    with pytest.raises(OSError, match='address already in use') as caught:
        other.start()
    assert caught.value.errno == errno.EADDRINUSE
    assert not other.is_running

    port = broker.port
    broker.stop()
    with other:
        assert other.port == port


async def test_a_port_that_is_taken_on_the_loop(tmp_path: Path) -> None:
    async with Broker() as broker:
        with pytest.raises(OSError, match='address already in use'):
            await Broker(port=broker.port, folder=tmp_path).__aenter__()
        async with Broker(folder=tmp_path):
            pass


def test_an_address_without_a_host() -> None:
    with pytest.raises(OSError, match=r'\S'):
        Broker(host='host.invalid').start()


# Restart


def test_a_restart_keeps_the_port_and_what_is_durable(broker: Broker) -> None:
    connection = RawConnection(broker.url)
    channel = connection.channel()
    channel.queue('durable')
    channel.queue('transient', durable=False)
    channel.put('durable', b'kept', delivery_mode=2)
    channel.put('durable', b'lost')
    url = broker.url
    broker.restart()

    assert connection.expect_close() == (
        320,
        'CONNECTION_FORCED - broker forced connection closure',
    )
    connection.abort()
    assert broker.url == url
    assert broker.queues() == ['durable']
    assert broker.queue('durable').bodies == [b'kept']
    RawConnection(url).close()


def test_unacked_messages_are_ready_after_a_restart(broker: Broker) -> None:
    connection = RawConnection(broker.url)
    channel = connection.channel()
    channel.queue('q')
    channel.put('q', b'x', delivery_mode=2)
    channel.must_get('q')
    broker.restart()
    connection.abort()

    assert broker.queue('q').bodies == [b'x']


def test_expired_queues_and_messages_of_a_restarted_broker(broker: Broker) -> None:
    connection = RawConnection(broker.url)
    channel = connection.channel()
    channel.queue('expires', {'x-expires': 50})
    channel.queue('ttl', {'x-message-ttl': 50})
    channel.put('ttl', b'x', delivery_mode=2)
    broker.restart()
    connection.abort()

    broker.wait_until(lambda: broker.queues() == ['ttl'])
    broker.wait_until(lambda: not broker.queue('ttl').messages)


# Folders


def test_a_folder_keeps_what_is_durable(tmp_path: Path) -> None:
    with Broker(folder=tmp_path) as broker, RawConnection(broker.url) as connection:
        channel = connection.channel()
        channel.queue('q')
        channel.put('q', b'kept', delivery_mode=2)
        channel.put('q', b'lost')
        broker.add_vhost('v')
        broker.restart()
        assert broker.queue('q').bodies == [b'kept']
        connection.closed = Disconnected('by the restart')

    with Broker(folder=str(tmp_path)) as broker:
        assert broker.queue('q').bodies == [b'kept']
        RawConnection(broker.url_of('v')).close()


def test_a_folder_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, 'LOCK_TIMEOUT', 0.0)
    with Broker(folder=tmp_path) as broker:
        with pytest.raises(sqlite3.OperationalError, match='another broker uses the folder'):
            Broker(folder=tmp_path).start()
        RawConnection(broker.url).close()


def test_a_folder_with_a_file_that_is_no_store(tmp_path: Path) -> None:
    (tmp_path / store.FILE).write_bytes(b'no store at all' * 100)

    with pytest.raises(sqlite3.DatabaseError, match='not a database'):
        Broker(folder=tmp_path).start()


def start_program(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a process with a broker; return it and the address of the broker."""
    process = subprocess.Popen(
        [sys.executable, '-c', PROGRAM, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)
    assert process.stdout is not None
    process.stdout.close()


def test_a_confirmed_message_survives_a_kill(tmp_path: Path) -> None:
    process, url = start_program(tmp_path)
    try:
        connection = RawConnection(url)
        channel = connection.channel()
        channel.queue('q')
        name = channel.queue()
        exclusive = channel.call(QueueDeclare('e', durable=True, exclusive=True))
        channel.bind(exclusive.queue.decode(), 'amq.direct', 'k')
        channel.put('q', b'acked', b'unacked', b'ready', delivery_mode=2)
        tag = channel.must_get('q').tag
        channel.ack(tag)
        channel.must_get('q')
    finally:
        kill(process)
    connection.abort()

    with Broker(folder=tmp_path) as broker:
        assert broker.queues() == ['q', name]
        assert broker.queue('q').bodies == [b'unacked', b'ready']


def test_every_confirmed_message_of_many_survives_a_kill(tmp_path: Path) -> None:
    process, url = start_program(tmp_path)
    confirmed = 0
    try:
        connection = RawConnection(url)
        channel = connection.channel().confirm()
        channel.queue('q')
        for number in range(500):
            channel.publish(b'%d' % number, '', 'q', delivery_mode=2)
        while confirmed < 100:
            confirmed = channel.expect(BasicAck).delivery_tag
    finally:
        kill(process)
    connection.abort()

    with Broker(folder=tmp_path) as broker:
        bodies = broker.queue('q').bodies
        assert len(bodies) >= confirmed
        assert bodies == [b'%d' % number for number in range(len(bodies))]


# Addresses and users


def test_an_address_escapes_what_it_must(no_leaks: None) -> None:
    with Broker(users={'a@b': 'p/w:%'}) as broker:
        broker.add_vhost('v/\N{SNOWMAN}')
        RawConnection(broker.url).close()
        RawConnection(broker.url_of('v/\N{SNOWMAN}')).close()
        with pytest.raises(KeyError):
            broker.url_of('/', 'nobody')


def test_users_come_and_go(broker: Broker) -> None:
    broker.add_user('lea', 'secret', read='^mine$')
    url = broker.url_of('/', 'lea')
    with RawConnection(url) as connection:
        channel = connection.channel()
        channel.queue('mine')
        channel.get('mine')
        broker.add_user('lea', 'secret', read='')
        with pytest.raises(Refused):
            channel.get('mine')
        broker.delete_user('lea')
        connection.channel()
    with pytest.raises((Refused, Disconnected)):
        RawConnection(url)


def test_a_user_without_a_virtual_host(broker: Broker) -> None:
    broker.add_user('lea', 'secret', None)

    with pytest.raises(Refused):
        RawConnection(broker.url_of('/', 'lea'))


def test_what_is_missing_is_named(broker: Broker) -> None:
    with RawConnection(broker.url) as connection:
        connection.channel().queue('orders')
    with pytest.raises(KeyError, match="there are: 'orders'"):
        broker.queue('order')
    for use in (
        lambda: broker.queues('v'),
        lambda: broker.delete_vhost('v'),
        lambda: broker.policy('x', vhost='v'),
        lambda: broker.topology('v'),
        lambda: broker.delete_user('nobody'),
    ):
        with pytest.raises(KeyError):
            use()
    with pytest.raises(ValueError, match='unknown policy option'):
        broker.policy('x', max_lenght=5)


# Faults


def test_confirms_are_refused_and_lost(broker: Broker) -> None:
    with RawConnection(broker.url) as connection:
        channel = connection.channel().confirm()
        channel.queue('q')
        broker.nack_next()
        channel.publish(b'refused', '', 'q')
        assert isinstance(channel.next(), BasicNack)
        broker.lose_next_confirm()
        channel.publish(b'lost', '', 'q')
        channel.expect_nothing('q')
        channel.publish(b'fine', '', 'q')
        assert isinstance(channel.next(), BasicAck)
        assert broker.queue('q').bodies == [b'lost', b'fine']


def test_clients_are_blocked(broker: Broker) -> None:
    with RawConnection(broker.url) as connection:
        channel = connection.channel()
        channel.queue('q')
        broker.block('because')
        channel.publish(b'x', '', 'q')
        assert connection.expect(ConnectionBlocked).reason == b'because'
        assert broker.queue('q').bodies == []
        broker.unblock()
        connection.expect(ConnectionUnblocked)
        broker.wait_until(lambda: broker.queue('q').bodies == [b'x'])


def test_consumers_are_cancelled(broker: Broker) -> None:
    with RawConnection(broker.url) as connection:
        channel = connection.channel()
        channel.queue('q')
        tag = channel.consume('q')
        assert broker.cancel_consumers('q') == 1
        assert channel.expect(BasicCancel).consumer_tag == tag.encode()
        assert broker.queue('q').consumers == []


def test_channels_and_connections_are_closed(broker: Broker) -> None:
    connection = RawConnection(broker.url)
    channel = connection.channel()
    broker.close_channels(406, 'so')
    assert channel.expect_close() == (406, 'PRECONDITION_FAILED - so')
    broker.close_connections('and so')
    assert connection.expect_close() == (320, 'CONNECTION_FORCED - and so')
    connection.abort()


def test_faults_are_healed(broker: Broker) -> None:
    with RawConnection(broker.url) as connection:
        channel = connection.channel().confirm()
        channel.queue('q')
        broker.nack_next(5)
        broker.lose_next_confirm(5)
        broker.block()
        broker.refuse()
        broker.freeze()
        broker.heal()
        channel.publish(b'x', '', 'q')
        channel.await_acks()
        RawConnection(broker.url).close()
