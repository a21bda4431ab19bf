"""The commands `coolamqp get` and `coolamqp peek`: fetch messages one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import click

from coolamqp.cli.errors import ExitStatus
from coolamqp.cli.filters import Condition, Filter, filter_options
from coolamqp.cli.formats import Writer, format_option
from coolamqp.cli.options import Function, broker_options
from coolamqp.cli.session import Session
from coolamqp.cli.settling import REQUEUE, Held, settle_options
from coolamqp.cli.stop import Stop
from coolamqp.clustering import Cluster
from coolamqp.objects import ReceivedMessage


def fetch_options(count: int) -> Callable[[Function], Function]:
    """Return a decorator that adds what to fetch; `count` is the default for --count."""

    def add_options(function: Function) -> Function:
        for add in (
            format_option,
            filter_options,
            click.option('--all', 'is_all', is_flag=True, help='All that are ready.'),
            click.option(
                '-n', '--count', type=click.IntRange(min=1), default=count, show_default=True,
                help='How many messages at most.',
            ),
            click.argument('queue'),
        ):  # fmt: skip
            function = add(function)
        return function

    return add_options


@click.command('get')
@fetch_options(count=1)
@settle_options
@broker_options
def get_command(session: Session, settlement: str, **wanted: Any) -> int:
    """Fetch a message from QUEUE, and acknowledge it after it is written."""
    return fetch(session, settlement, **wanted)


@click.command('peek')
@fetch_options(count=10)
@broker_options
def peek_command(session: Session, **wanted: Any) -> int:
    """Write the first messages of QUEUE, and put them back.

    The broker marks them as redelivered. A quorum queue counts that against its delivery limit.
    """
    return fetch(session, REQUEUE, **wanted)


def fetch(
    session: Session,
    settlement: str,
    queue: str,
    count: int,
    is_all: bool,
    keys: tuple[str, ...],
    conditions: tuple[Condition, ...],
    form: str,
) -> int:
    """Fetch, write and settle messages. Return the exit status."""
    filter_ = Filter(keys, conditions)
    writer = Writer('json' if session.output.as_json else form)
    held, shown = Held(), 0
    with session.cluster() as cluster, Stop() as stop:
        try:
            for message in _messages(session, cluster, queue, stop):
                if filter_.matches(message):
                    writer.write(message)
                    held.settle(message, settlement)
                    shown += 1
                else:
                    held.hold(message)
                if shown == count and not is_all:
                    break
        finally:
            held.put_back()
    if stop.requested:
        return ExitStatus.INTERRUPTED
    return ExitStatus.DONE if shown else ExitStatus.NOTHING


def _messages(
    session: Session, cluster: Cluster, queue: str, stop: Stop
) -> Iterator[ReceivedMessage]:
    while not stop.requested:
        message = session.wait(cluster.get(queue))
        if message is None:
            return
        yield message
