"""The embedded broker as a program: `python -m coolamqp.broker`."""

from __future__ import annotations

import argparse
import logging
import signal
import sqlite3
import ssl
import sys
import threading
from pathlib import Path

from coolamqp.broker.embedded import Broker

AMQP_PORT = 5672
SUCCESS, NOT_RUN = 0, 2


def main(arguments: list[str] | None = None) -> int:
    """Run a broker until SIGINT or SIGTERM, and return the exit status."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(format='%(asctime)s %(message)s', level=given.log_level)
    try:
        with _make(given) as broker:
            print(broker.url, flush=True)
            _await_signal()
    except (OSError, ValueError, sqlite3.Error) as error:
        print(f'coolamqp.broker: {error}', file=sys.stderr)
        return NOT_RUN
    return SUCCESS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m coolamqp.broker',
        description='Run an AMQP 0-9-1 broker for demos and tests. Not for production.',
        epilog='The broker prints its address, and runs until Ctrl-C.',
    )
    parser.add_argument('--host', default='127.0.0.1', help='the address to listen on')
    parser.add_argument(
        '--port', type=int, default=AMQP_PORT, help='the port to listen on; 0 for any free port'
    )
    parser.add_argument(
        '--folder', type=Path, help='the folder that stores durable queues and persistent messages'
    )
    parser.add_argument(
        '--user',
        action='append',
        metavar='NAME:PASSWORD',
        help='a user instead of guest:guest; repeat the option for several users',
    )
    parser.add_argument(
        '--certificate', type=Path, help='the PEM file of the certificate, to serve TLS'
    )
    parser.add_argument('--key', type=Path, help='the PEM file of the key, if it is another file')
    parser.add_argument(
        '--log-level',
        default='WARNING',
        choices=('DEBUG', 'INFO', 'WARNING', 'ERROR'),
        help='the level of the log on stderr; INFO logs each connection',
    )
    return parser


def _make(given: argparse.Namespace) -> Broker:
    tls = None
    if given.certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(given.certificate, given.key)
    users = None
    if given.user:
        users = dict(_user(text) for text in given.user)
    return Broker(host=given.host, port=given.port, folder=given.folder, tls=tls, users=users)


def _user(text: str) -> tuple[str, str]:
    name, separator, password = text.partition(':')
    if not name or not separator:
        raise ValueError(f'--user is {text!r}; it must be NAME:PASSWORD')
    return name, password


def _await_signal() -> None:
    """Wait for SIGINT or SIGTERM."""
    ended = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: ended.set())
    ended.wait()


if __name__ == '__main__':
    sys.exit(main())
