"""The commands `coolamqp info`: look at a queue or an exchange, and change nothing."""

from __future__ import annotations

import click

from coolamqp.cli.options import broker_options
from coolamqp.cli.session import Session
from coolamqp.objects import Exchange, Queue


@click.group('info')
def info_command() -> None:
    """Show whether a queue or an exchange exists, and what is in it."""


@info_command.command()
@click.argument('name')
@broker_options
def queue(session: Session, name: str) -> None:
    """Show how many messages are ready in the queue NAME, and how many consumers it has."""
    with session.cluster() as cluster:
        answer = session.wait(cluster.declare(Queue(name), passive=True))
    record = {
        'queue': name,
        'messages_ready': answer.message_count,
        'consumers': answer.consumer_count,
    }
    session.output.table(
        record,
        [
            ('queue', name),
            ('ready', answer.message_count),
            ('consumers', answer.consumer_count),
        ],
    )


@info_command.command()
@click.argument('name')
@broker_options
def exchange(session: Session, name: str) -> None:
    """Show whether the exchange NAME exists."""
    with session.cluster() as cluster:
        session.wait(cluster.declare(Exchange(name), passive=True))
    session.output.table(
        {'exchange': name, 'exists': True}, [('exchange', name), ('exists', 'yes')]
    )
