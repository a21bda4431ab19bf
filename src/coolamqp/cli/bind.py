"""The commands `coolamqp bind` and `coolamqp unbind`."""

from __future__ import annotations

from typing import Any

import click

from coolamqp.cli.options import Function, argument_options, broker_options
from coolamqp.cli.session import Session


def binding_options(function: Function) -> Function:
    """Add what names a binding."""
    for add in (
        argument_options,
        click.option('--exchange', 'is_exchange', is_flag=True, help='TARGET is an exchange.'),
        click.argument('key', default=''),
        click.argument('source'),
        click.argument('target'),
    ):
        function = add(function)
    return function


@click.command('bind')
@binding_options
@broker_options
def bind_command(
    session: Session,
    target: str,
    source: str,
    key: str,
    is_exchange: bool,
    arguments: dict[str, Any],
) -> None:
    """Bind the queue TARGET to the exchange SOURCE, with the routing key or pattern KEY."""
    with session.cluster() as cluster:
        call = cluster.bind_exchange if is_exchange else cluster.bind
        session.wait(call(target, source, key, arguments=arguments))
    _report(session, 'bound', target, source, key)


@click.command('unbind')
@binding_options
@broker_options
def unbind_command(
    session: Session,
    target: str,
    source: str,
    key: str,
    is_exchange: bool,
    arguments: dict[str, Any],
) -> None:
    """Remove the binding of TARGET to SOURCE with this KEY and these arguments."""
    with session.cluster() as cluster:
        call = cluster.unbind_exchange if is_exchange else cluster.unbind
        session.wait(call(target, source, key, arguments=arguments))
    _report(session, 'unbound', target, source, key)


def _report(session: Session, verb: str, target: str, source: str, key: str) -> None:
    record = {verb: target, 'source': source, 'routing_key': key}
    session.output.result(record, f'{verb} {target}, {source}, {key!r}')
