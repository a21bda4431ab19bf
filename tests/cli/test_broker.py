"""`coolamqp broker`."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coolamqp.broker import Broker
from coolamqp.cli.broker import address_of
from coolamqp.clustering import Cluster
from coolamqp.objects import NodeDefinition
from tests.cli.command import Command
from tests.support.certificates import Certificates


@contextmanager
def running(command: Command, *arguments: object, **variables: str) -> Iterator[str]:
    """Run it on a free port; yield the address that it prints."""
    with command.start('broker', '--port', '0', '--json', *arguments, **variables) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())['url']
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
        assert (process.returncode, error) == (0, b'')


def test_it_runs_until_a_signal(alone: Command) -> None:
    with running(alone) as url:
        assert alone('ping', '--url', url).status == 0


def test_it_keeps_what_is_durable_in_a_folder(alone: Command, tmp_path: Path) -> None:
    folder = tmp_path / 'folder'
    with running(alone, '--folder', folder) as url:
        alone('declare', 'queue', 'q', '--url', url)
        alone('publish', 'q', 'kept', '--url', url)
    with running(alone, '--folder', folder) as url:
        assert alone('get', 'q', '--url', url).out == 'kept\n'


def test_it_makes_a_certificate_for_tls(alone: Command) -> None:
    with running(alone, '--tls') as url:
        assert url.startswith('amqps://')
        assert alone('ping', '--url', url, '--json').record['tls'] == 'verified'
        address, _, authority = url.partition('?cacertfile=')
        stranger = alone('ping', '--url', address)
    with running(alone, '--tls') as again:
        assert again.endswith(authority)
        assert alone('ping', '--url', again).status == 0

    assert stranger.status == 3
    assert 'not trusted' in stranger.error


def test_json_names_the_file_of_the_authority(alone: Command) -> None:
    with alone.start('broker', '--port', '0', '--json', '--tls') as process:
        assert process.stdout is not None
        record = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    assert Path(record['ca_file']).read_text().startswith('-----BEGIN CERTIFICATE-----')


def test_it_serves_tls_with_a_certificate(alone: Command, certificates: Certificates) -> None:
    with running(alone, '--certificate', certificates.server) as url:
        assert url.startswith('amqps://')
        trusting = f'{url}?cacertfile={certificates.authority}'
        assert alone('ping', '--url', trusting, '--json').record['tls'] == 'verified'


def test_passwords_of_users_are_not_shown(alone: Command) -> None:
    with running(alone, '--user', 'lea:LEA', LEA='secret') as url:
        assert url.startswith('amqp://lea@127.0.0.1:')
        node = NodeDefinition(url, password='secret')
        with Cluster(node) as cluster:
            assert cluster.connected


@pytest.mark.parametrize(
    ('arguments', 'sentence'),
    [
        (['--user', 'lea'], 'NAME:VARIABLE'),
        (['--user', 'lea:NO_SUCH_VARIABLE'], 'NO_SUCH_VARIABLE, which is not set'),
        (['--tls', '--key', __file__], 'give it with --certificate'),
        (['--certificate', __file__], 'coolamqp: '),
    ],
)
def test_wrong_usage_is_reported(alone: Command, arguments: list[str], sentence: str) -> None:
    ended = alone('broker', *arguments)

    assert ended.status == 2
    assert sentence in ended.error
    assert ended.error.count('\n') == 1


def test_a_port_in_use_is_reported(alone: Command) -> None:
    with socket.create_server(('127.0.0.1', 0)) as listener:
        ended = alone('broker', '--port', listener.getsockname()[1])

    assert ended.status == 2
    assert 'address already in use' in ended.error.lower()
    assert ended.error.endswith('; choose another --port or --host\n')


def test_a_folder_that_cannot_be_made_is_reported(alone: Command) -> None:
    ended = alone('broker', '--port', '0', '--folder', '/dev/null/folder')

    assert ended.status == 2
    assert ended.error.startswith('coolamqp: /dev/null')


def test_an_address_has_no_password(broker: Broker) -> None:
    assert address_of(broker, None) == f'amqp://127.0.0.1:{broker.port}/'
    assert address_of(broker, 'lea') == f'amqp://lea@127.0.0.1:{broker.port}/'


def test_an_address_names_the_authority(broker: Broker) -> None:
    address = address_of(broker, None, Path('/my ca.pem'))

    assert address == f'amqp://127.0.0.1:{broker.port}/?cacertfile=/my%20ca.pem'


def test_a_terminal_shows_the_live_view(alone: Command) -> None:
    import pty  # noqa: PLC0415 - not everywhere

    master, slave = pty.openpty()
    with os.fdopen(slave, 'wb') as terminal:
        process = alone.start_into(terminal, 'broker', '--port', '0')
    shown = b''
    while b'connections (0)' not in shown:
        shown += os.read(master, 10_000)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    os.close(master)

    assert process.returncode == 0
    assert b'queues (0): 0 messages ready' in shown
