"""The command `coolamqp broker`: the embedded broker in the foreground."""

from __future__ import annotations

import os
import sqlite3
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from coolamqp.broker import Broker
from coolamqp.cli.errors import ExitStatus, Failure
from coolamqp.cli.options import json_option
from coolamqp.cli.output import Output
from coolamqp.cli.stop import Stop

AMQP_PORT, AMQPS_PORT = 5672, 5671
REFRESH: Final = 1.0  # seconds
FOREVER: Final = 86_400.0  # seconds; then it waits again


@click.command('broker')
@click.option('--host', default='127.0.0.1', show_default=True, help='The address to listen on.')
@click.option('--port', type=click.IntRange(0, 65535),
              help='The port; 0 for a free one.  [default: 5672, or 5671 with --tls]')  # fmt: skip
@click.option('--folder', type=click.Path(file_okay=False, path_type=Path),
              help='Keep durable queues and persistent messages here.')  # fmt: skip
@click.option('--tls', 'certificate', type=click.Path(exists=True, dir_okay=False),
              help='Use TLS, with the certificate in this PEM file.')  # fmt: skip
@click.option('--key', type=click.Path(exists=True, dir_okay=False),
              help='The PEM file of its key, if it is another one.')  # fmt: skip
@click.option('--user', 'users', multiple=True, metavar='NAME:VARIABLE',
              help='A user instead of guest, and the variable that has the password.')  # fmt: skip
@json_option
def broker_command(
    output: Output,
    host: str,
    port: int | None,
    folder: Path | None,
    certificate: str | None,
    key: str | None,
    users: tuple[str, ...],
) -> int:
    """Run a broker for demos and tests, until Ctrl-C. Not for production.

    On a terminal, it shows its connections and queues.
    """
    tls = _tls_context(certificate, key)
    default_port = AMQPS_PORT if tls else AMQP_PORT
    broker = Broker(
        host=host, port=default_port if port is None else port, folder=folder, tls=tls,
        users=dict(map(_user, users)) or None,
    )  # fmt: skip
    try:
        with Stop() as stop, broker:
            url = address_of(broker, users[0].partition(':')[0] if users else None)
            output.result({'url': url}, url)
            if sys.stdout.isatty() and not output.as_json:
                from coolamqp.cli.display import live_tables  # noqa: PLC0415 - rich is slow

                live_tables(lambda: tables_of(broker), stop, REFRESH)
            while not stop.requested:
                stop.sleep(FOREVER)
    except sqlite3.Error as error:
        raise Failure(
            f'the folder {folder} cannot be used: {error}; see whether another broker uses it',
            ExitStatus.USAGE,
        ) from error
    return ExitStatus.DONE


def _tls_context(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    if certificate is None:
        if key is not None:
            raise click.UsageError('--key needs the certificate; give it with --tls')
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


def _user(text: str) -> tuple[str, str]:
    name, colon, variable = text.partition(':')
    if not name or not colon:
        raise click.BadParameter(f'{text!r} is not of the form NAME:VARIABLE', param_hint='--user')
    if variable not in os.environ:
        raise Failure(
            f'the password of {name} should be in the environment variable {variable}, which is '
            f'not set; set it',
            ExitStatus.USAGE,
        )
    return name, os.environ[variable]


def address_of(broker: Broker, user: str | None) -> str:
    """Return the address of a broker, without a password."""
    scheme, _, rest = broker.url.partition('://')
    login = '' if user is None else f'{user}@'
    return f'{scheme}://{login}{rest.rpartition("@")[2]}'


Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]


def tables_of(broker: Broker) -> Iterator[Table]:
    """Yield a table of the connections of a broker, and one of its queues: title, columns, rows."""
    yield (
        'connections',
        ('name', 'peer', 'user', 'virtual host', 'channels'),
        [
            (each.name, each.peer, each.user, each.vhost, str(len(each.channels)))
            for each in broker.connections
        ],
    )
    queues = [(vhost, broker.queue(name, vhost)) for vhost in broker.vhosts
              for name in broker.queues(vhost)]  # fmt: skip
    yield (
        'queues',
        ('virtual host', 'name', 'type', 'ready', 'unacked', 'consumers'),
        [
            (
                vhost,
                each.name,
                each.kind,
                str(len(each)),
                str(each.unacked),
                str(len(each.consumers)),
            )
            for vhost, each in queues
        ],
    )
