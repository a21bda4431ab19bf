"""The connection of a command."""

from __future__ import annotations

import logging
import signal
import socket

import pytest

from coolamqp.broker import Broker
from coolamqp.cli.errors import Failure
from coolamqp.cli.output import Output
from coolamqp.cli.session import Session
from coolamqp.objects import Queue
from tests.cli.command import Command


def session_with(url: str, timeout: float = 10.0) -> Session:
    return Session('coolamqp test', url, None, timeout, Output(as_json=False))


def test_it_connects_under_the_name_of_the_command(broker: Broker, no_leaks: None) -> None:
    session = session_with(broker.url)
    with session.cluster() as cluster:
        (connection,) = broker.connections
        assert connection.name == 'coolamqp test'
        assert session.wait(cluster.declare(Queue('q', durable=True))) is None

    broker.wait_until(lambda: not broker.connections)


def test_it_closes_the_connection_after_an_error(broker: Broker, no_leaks: None) -> None:
    with pytest.raises(RuntimeError), session_with(broker.url).cluster():
        raise RuntimeError

    broker.wait_until(lambda: not broker.connections)


def test_it_does_not_wait_longer_than_it_may(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    broker.freeze()
    with pytest.raises(Failure, match='cannot connect'), session_with(broker.url, 0.1).cluster():
        pass
    broker.thaw()


def test_an_interruption_while_it_connects_ends_it_at_once(alone: Command) -> None:
    with socket.create_server(('127.0.0.1', 0)) as listener:
        url = f'amqp://127.0.0.1:{listener.getsockname()[1]}/'
        with alone.start('consume', 'q', '--url', url, '--timeout', '600') as process:
            connection, _ = listener.accept()
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=60)
            connection.close()

    assert (process.returncode, error) == (130, b'')
