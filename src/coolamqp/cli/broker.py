"""The command `coolamqp broker`: the embedded broker in the foreground."""

from __future__ import annotations

import os
import sqlite3
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import click

from coolamqp.broker import Broker
from coolamqp.cli.authority import authority_file, use_own_certificate
from coolamqp.cli.errors import ExitStatus, Failure
from coolamqp.cli.options import json_option
from coolamqp.cli.output import Output
from coolamqp.cli.overview import Overview
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
@click.option('--tls', is_flag=True, help='Serve TLS, with a certificate that this command makes.')
@click.option('--certificate', type=click.Path(exists=True, dir_okay=False),
              help='Serve TLS, with the certificate in this PEM file.')  # fmt: skip
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
    tls: bool,
    certificate: str | None,
    key: str | None,
    users: tuple[str, ...],
) -> int:
    """Run a broker for demos and tests, until Ctrl-C. Not for production.

    On a terminal, it shows its queues with their rates, and its connections. The certificate of
    --tls is signed by an authority of your own, which all brokers of this command share; the
    address that the command prints names its file.
    """
    if key is not None and certificate is None:
        raise click.UsageError('--key needs the certificate; give it with --certificate')
    authority = authority_file() if tls and certificate is None else None
    context = _tls_context(host, certificate, key) if tls or certificate else None
    default_port = AMQPS_PORT if context else AMQP_PORT
    broker = Broker(
        host=host, port=default_port if port is None else port, folder=folder, tls=context,
        users=dict(map(_user, users)) or None,
    )  # fmt: skip
    try:
        with Stop() as stop, _listening(broker):
            url = address_of(broker, users[0].partition(':')[0] if users else None, authority)
            ca_file = {} if authority is None else {'ca_file': str(authority)}
            output.result({'url': url} | ca_file, url)
            _run(broker, output, stop)
    except sqlite3.Error as error:
        raise Failure(
            f'the folder {folder} cannot be used: {error}; see whether another broker uses it',
            ExitStatus.USAGE,
        ) from error
    return ExitStatus.DONE


@contextmanager
def _listening(broker: Broker) -> Iterator[None]:
    """Run a broker during a `with` block."""
    try:
        broker.start()
    except OSError as error:
        if error.filename is not None:  # It is about the folder.
            raise
        raise Failure(
            f'the broker cannot listen: {error}; choose another --port or --host', ExitStatus.USAGE
        ) from error
    try:
        yield
    finally:
        broker.stop()


def _run(broker: Broker, output: Output, stop: Stop) -> None:
    """Wait for the end, and show the live view if a person looks at it."""
    if sys.stdout.isatty() and not output.as_json:
        from coolamqp.cli.display import live_tables  # noqa: PLC0415 - rich is slow to import

        overview = Overview(time.monotonic)
        live_tables(lambda: overview.tables(broker), stop, REFRESH)
    while not stop.requested:
        stop.sleep(FOREVER)


def _tls_context(host: str, certificate: str | None, key: str | None) -> ssl.SSLContext:
    """Return the context of the server, with the given certificate or one that this makes."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    if certificate is None:
        use_own_certificate(context, host)
    else:
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


def address_of(broker: Broker, user: str | None, authority: Path | None = None) -> str:
    """Return the address of a broker, without a password.

    :param authority: the file of the authority that clients have to trust; None for none
    """
    scheme, _, rest = broker.url.partition('://')
    login = '' if user is None else f'{user}@'
    trust = '' if authority is None else f'?cacertfile={quote(str(authority))}'
    return f'{scheme}://{login}{rest.rpartition("@")[2]}{trust}'
