"""The commands `coolamqp declare`: queues and exchanges."""

from __future__ import annotations

from typing import Any

import click

from coolamqp.cli.options import argument_options, broker_options
from coolamqp.cli.session import Session
from coolamqp.objects import Exchange, Queue

QUEUE_TYPES = ('classic', 'quorum', 'stream')
EXCHANGE_TYPES = ('direct', 'fanout', 'topic', 'headers')


@click.group('declare')
def declare_command() -> None:
    """Declare a queue or an exchange. It may exist already, with the same options."""


@declare_command.command()
@click.argument('name')
@click.option('--type', 'kind', type=click.Choice(QUEUE_TYPES), help='[default: of the broker]')
@click.option('--transient', is_flag=True, help='Delete it when the broker restarts.')
@click.option('--auto-delete', is_flag=True, help='Delete it with its last consumer.')
@argument_options
@broker_options
def queue(
    session: Session,
    name: str,
    kind: str | None,
    transient: bool,
    auto_delete: bool,
    arguments: dict[str, Any],
) -> None:
    """Declare the queue NAME."""
    if kind is not None:
        arguments['x-queue-type'] = kind
    declared = Queue(
        name,
        durable=not transient and not auto_delete,
        auto_delete=auto_delete,
        arguments=arguments,
    )
    with session.cluster() as cluster:
        session.wait(cluster.declare(declared))
    session.output.result({'declared': 'queue', 'name': name}, f'declared queue {name}')


@declare_command.command()
@click.argument('name')
@click.option(
    '--type', 'kind', default='direct', show_default=True,
    help=f'{", ".join(EXCHANGE_TYPES)}, or that of a plugin.',
)  # fmt: skip
@click.option('--transient', is_flag=True, help='Delete it when the broker restarts.')
@click.option('--auto-delete', is_flag=True, help='Delete it with its last binding.')
@argument_options
@broker_options
def exchange(
    session: Session,
    name: str,
    kind: str,
    transient: bool,
    auto_delete: bool,
    arguments: dict[str, Any],
) -> None:
    """Declare the exchange NAME."""
    declared = Exchange(
        name, kind, durable=not transient and not auto_delete, auto_delete=auto_delete,
        arguments=arguments,
    )  # fmt: skip
    with session.cluster() as cluster:
        session.wait(cluster.declare(declared))
    session.output.result({'declared': 'exchange', 'name': name}, f'declared exchange {name}')
