"""The commands `coolamqp delete` and `coolamqp purge`."""

from __future__ import annotations

import click

from coolamqp.cli.options import broker_options
from coolamqp.cli.output import counted
from coolamqp.cli.session import Session


@click.group('delete')
def delete_command() -> None:
    """Delete a queue or an exchange. It need not exist."""


@delete_command.command()
@click.argument('name')
@click.option('--if-empty', is_flag=True, help='Only if it has no messages.')
@click.option('--if-unused', is_flag=True, help='Only if it has no consumers.')
@broker_options
def queue(session: Session, name: str, if_empty: bool, if_unused: bool) -> None:
    """Delete the queue NAME with its messages."""
    with session.cluster() as cluster:
        session.wait(cluster.delete_queue(name, if_unused=if_unused, if_empty=if_empty))
    session.output.result({'deleted': 'queue', 'name': name}, f'deleted queue {name}')


@delete_command.command()
@click.argument('name')
@click.option('--if-unused', is_flag=True, help='Only if it has no bindings.')
@broker_options
def exchange(session: Session, name: str, if_unused: bool) -> None:
    """Delete the exchange NAME with its bindings."""
    with session.cluster() as cluster:
        session.wait(cluster.delete_exchange(name, if_unused=if_unused))
    session.output.result({'deleted': 'exchange', 'name': name}, f'deleted exchange {name}')


@click.command('purge')
@click.argument('queue')
@broker_options
def purge_command(session: Session, queue: str) -> None:
    """Remove all messages from QUEUE, except those that consumers have and did not settle."""
    with session.cluster() as cluster:
        count = session.wait(cluster.purge(queue))
    record = {'purged': queue, 'messages': count}
    session.output.result(record, f'removed {counted(count, "message")} from {queue}')
