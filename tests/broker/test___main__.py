"""The embedded broker as a program."""

from __future__ import annotations

import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coolamqp.broker import store
from coolamqp.broker.__main__ import NOT_RUN, SUCCESS, main
from tests.behaviour.client import RawConnection
from tests.support.certificates import Certificates

PATIENCE = 30.0  # seconds


@contextmanager
def running(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the program; yield its process and the address that it prints."""
    command = [sys.executable, '-m', 'coolamqp.broker', '--port', '0', *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_a_signal(number: signal.Signals) -> None:
    with running() as (process, url):
        connection = RawConnection(url)
        process.send_signal(number)
        assert connection.expect_close()[0] == 320
        connection.abort()
        assert process.wait(PATIENCE) == SUCCESS


def test_it_has_the_given_users_and_folder(tmp_path: Path) -> None:
    arguments = ('--user', 'lea:a:b', '--user', 'max:c', '--folder', tmp_path)
    for _ in range(2):
        with running(*arguments) as (process, url):
            assert url.startswith('amqp://lea:a%3Ab@127.0.0.1:')
            RawConnection(url.replace('lea:a%3Ab', 'max:c')).close()
            with RawConnection(url) as connection:
                assert (connection.channel().queue('q')) == 'q'
            process.terminate()
            assert process.wait(PATIENCE) == SUCCESS
    assert (tmp_path / store.FILE).exists()


def test_it_serves_tls(certificates: Certificates) -> None:
    with running('--certificate', certificates.server) as (_, url):
        assert url.startswith('amqps://')
        port = int(url.rpartition(':')[2].strip('/'))
        context = ssl.create_default_context(cafile=certificates.authority)
        plain = socket.create_connection(('127.0.0.1', port), PATIENCE)
        with context.wrap_socket(plain, server_hostname='localhost') as secure:
            secure.sendall(b'AMQP\0\0\x09\x01')
            assert secure.recv(1) == b'\x01'


@pytest.mark.parametrize(
    ('arguments', 'text'),
    [
        (['--user', 'lea'], 'must be NAME:PASSWORD'),
        (['--host', 'host.invalid'], 'coolamqp.broker: '),
        (['--certificate', '/nowhere'], 'No such file'),
    ],
)
def test_what_it_cannot_do_it_says(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['--port', '0', *arguments]) == NOT_RUN
    assert text in capsys.readouterr().err


def test_a_folder_that_is_no_store_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / store.FILE).write_bytes(b'no store at all' * 100)

    assert main(['--port', '0', '--folder', str(tmp_path)]) == NOT_RUN
    assert 'cannot open the store' in capsys.readouterr().err
