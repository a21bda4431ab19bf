"""The commands `coolamqp bind` and `coolamqp unbind`."""

from __future__ import annotations

from collections.abc import Callable
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
def bind_command(session: Session, is_exchange: bool, **binding: Any) -> None:
    """Bind the queue TARGET to the exchange SOURCE, with the routing key or pattern KEY."""
    with session.cluster() as cluster:
        call = cluster.bind_exchange if is_exchange else cluster.bind
        _carry_out(session, 'bound', call, **binding)


@click.command('unbind')
@binding_options
@broker_options
def unbind_command(session: Session, is_exchange: bool, **binding: Any) -> None:
    """Remove the binding of TARGET to SOURCE with this KEY and these arguments."""
    with session.cluster() as cluster:
        call = cluster.unbind_exchange if is_exchange else cluster.unbind
        _carry_out(session, 'unbound', call, **binding)


def _carry_out(
    session: Session,
    verb: str,
    call: Callable[..., Any],
    target: str,
    source: str,
    key: str,
    arguments: dict[str, Any],
) -> None:
    """Wait for a call of a Cluster about a binding, and report it."""
    session.wait(call(target, source, key, arguments=arguments))
    record = {verb: target, 'source': source, 'routing_key': key}
    session.output.result(record, f'{verb} {target}, {source}, {key!r}')
