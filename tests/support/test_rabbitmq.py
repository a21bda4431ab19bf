from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pika
import pika.exceptions
import pytest

from tests.support.rabbitmq import RabbitMQFailed, RabbitMQNode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika.adapters.blocking_connection import BlockingChannel

pytestmark = [pytest.mark.integration, pytest.mark.rabbitmq_only]

# Starts a node, prints its process ids and folder, and waits for its end.
HOLDER = """
import signal
from tests.support.rabbitmq import RabbitMQNode
node = RabbitMQNode()
node.start()
print(*node.pids, node._folder, flush=True)
signal.pause()
"""


@contextlib.contextmanager
def channel(url: str) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        yield connection.channel()
    finally:
        if connection.is_open:
            connection.close()


def put_persistent_message(url: str, queue: str) -> None:
    with channel(url) as opened:
        opened.queue_declare(queue, durable=True)
        opened.confirm_delivery()
        opened.basic_publish('', queue, b'kept', pika.BasicProperties(delivery_mode=2))


def get_message(url: str, queue: str) -> bytes | None:
    with channel(url) as opened:
        _, _, body = opened.basic_get(queue, auto_ack=True)
        return body


def gone(pid: int) -> bool:
    """Whether a process has ended, perhaps as a zombie."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] == 'Z'
    except FileNotFoundError:
        return True


def test_durable_queue_survives_stop_and_kill_on_the_same_port(
    rabbitmq: RabbitMQNode, broker_url: str
) -> None:
    put_persistent_message(broker_url, 'stopped')
    rabbitmq.restart()
    assert get_message(broker_url, 'stopped') == b'kept'

    put_persistent_message(broker_url, 'killed')
    rabbitmq.sync_declarations()
    rabbitmq.kill()
    assert not rabbitmq.running
    rabbitmq.start()
    assert get_message(broker_url, 'killed') == b'kept'


def test_virtual_hosts_are_apart_and_go_with_what_is_in_them(rabbitmq: RabbitMQNode) -> None:
    rabbitmq.add_vhost('a/b ü')
    put_persistent_message(rabbitmq.url('a/b ü'), 'here')
    with pytest.raises(pika.exceptions.ChannelClosedByBroker):
        get_message(rabbitmq.url(), 'here')

    rabbitmq.delete_vhost('a/b ü')

    assert 'a/b ü' not in rabbitmq.ctl('list_vhosts')


def test_close_all_connections(rabbitmq: RabbitMQNode, broker_url: str) -> None:
    with channel(broker_url) as opened:
        rabbitmq.close_all_connections()

        with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match='320'):
            opened.connection.process_data_events(time_limit=10)


def test_memory_alarm_blocks_those_who_publish(rabbitmq: RabbitMQNode, broker_url: str) -> None:
    with channel(broker_url) as opened:
        news: list[str] = []
        opened.connection.add_on_connection_blocked_callback(lambda *_: news.append('blocked'))
        opened.connection.add_on_connection_unblocked_callback(lambda *_: news.append('unblocked'))
        for on, expected in ((True, 'blocked'), (False, 'unblocked')):
            rabbitmq.set_memory_alarm(on)
            opened.basic_publish('', 'nowhere', b'')
            deadline = time.monotonic() + 10
            while expected not in news and time.monotonic() < deadline:
                opened.connection.process_data_events(time_limit=0.1)

    assert news == ['blocked', 'unblocked']


def test_frozen_node_answers_after_the_thaw(rabbitmq: RabbitMQNode, broker_url: str) -> None:
    with channel(broker_url) as opened:
        rabbitmq.freeze()
        assert rabbitmq.running
        rabbitmq.thaw()

        opened.queue_declare('thawed')


def test_what_goes_wrong_is_said_in_full(rabbitmq: RabbitMQNode) -> None:
    with pytest.raises(RabbitMQFailed, match='running already'):
        rabbitmq.start()
    with pytest.raises(RabbitMQFailed, match='badarith'):
        rabbitmq.eval('1 / 0')
    with pytest.raises(RabbitMQFailed, match='no_such_command'):
        rabbitmq.ctl('no_such_command')


@pytest.mark.usefixtures('no_leaks')
def test_bad_configuration_fails_with_the_log_and_leaves_nothing() -> None:
    node = RabbitMQNode(config={'no.such.key': '1'})

    with pytest.raises(RabbitMQFailed, match=r'no\.such\.key'), node:
        pass

    assert node.pids == []
    assert not node._folder.exists()


@pytest.mark.usefixtures('no_leaks')
def test_close_ends_even_a_frozen_node_and_may_be_called_twice() -> None:
    with RabbitMQNode() as node:
        pids = node.pids
        node.freeze()
    node.close()

    assert len(pids) == 2
    assert all(gone(pid) for pid in pids)
    assert not node._folder.exists()


@pytest.mark.parametrize('how', [signal.SIGINT, signal.SIGKILL])
def test_nothing_outlives_the_process_that_started_it(how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, '-c', HOLDER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, 'PYTHONPATH': str(Path.cwd())},
        text=True,
    ) as holder:
        assert holder.stdout is not None
        *pids, folder = holder.stdout.readline().split()
        holder.send_signal(how)

    deadline = time.monotonic() + 20
    while not all(gone(int(pid)) for pid in pids) or Path(folder).exists():
        assert time.monotonic() < deadline, f'{pids} or {folder} are still there'
        time.sleep(0.02)
