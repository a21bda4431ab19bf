"""The commands `coolamqp get` and `coolamqp peek`: fetch messages one by one."""

from __future__ import annotations

from collections.abc import Iterator

import click

from coolamqp.cli.errors import ExitStatus
from coolamqp.cli.filters import Condition, Filter, filter_options
from coolamqp.cli.formats import Writer, format_option
from coolamqp.cli.options import broker_options
from coolamqp.cli.session import Session
from coolamqp.cli.settling import REQUEUE, Held, settle_options
from coolamqp.cli.stop import Stop
from coolamqp.clustering import Cluster
from coolamqp.objects import ReceivedMessage


@click.command('get')
@click.argument('queue')
@click.option('-n', '--count', type=click.IntRange(min=1), default=1, show_default=True,
              help='How many messages at most.')  # fmt: skip
@click.option('--all', 'is_all', is_flag=True, help='All that are ready.')
@filter_options
@format_option
@settle_options
@broker_options
def get_command(
    session: Session,
    queue: str,
    count: int,
    is_all: bool,
    keys: tuple[str, ...],
    conditions: tuple[Condition, ...],
    form: str,
    settlement: str,
) -> int:
    """Fetch a message from QUEUE, and acknowledge it after it is written."""
    filter_ = Filter(keys, conditions)
    return fetch(session, queue, None if is_all else count, filter_, form, settlement)


@click.command('peek')
@click.argument('queue')
@click.option('-n', '--count', type=click.IntRange(min=1), default=10, show_default=True,
              help='How many messages at most.')  # fmt: skip
@click.option('--all', 'is_all', is_flag=True, help='All that are ready.')
@filter_options
@format_option
@broker_options
def peek_command(
    session: Session,
    queue: str,
    count: int,
    is_all: bool,
    keys: tuple[str, ...],
    conditions: tuple[Condition, ...],
    form: str,
) -> int:
    """Write the first messages of QUEUE, and put them back.

    The broker marks them as redelivered. A quorum queue counts that against its delivery limit.
    """
    filter_ = Filter(keys, conditions)
    return fetch(session, queue, None if is_all else count, filter_, form, REQUEUE)


def fetch(
    session: Session, queue: str, count: int | None, filter_: Filter, form: str, settlement: str
) -> int:
    """Fetch and write messages. Return the exit status."""
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
                if shown == count:
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
