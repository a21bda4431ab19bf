"""The options that commands share, and the parsing of their values."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

import click

from coolamqp.cli.contexts import complete_context
from coolamqp.cli.output import Output
from coolamqp.cli.session import Session

Function = Callable[..., Any]


def json_option(function: Function) -> Function:
    """Add --json, and replace it by an `output` for the command."""

    @click.option('--json', 'as_json', is_flag=True, help='Write JSON, one object a line.')
    @functools.wraps(function)
    def wrapped(*, as_json: bool, **arguments: Any) -> Any:
        return function(Output(as_json=as_json), **arguments)

    return wrapped


def broker_options(function: Function) -> Function:
    """Add the options for the broker, and replace them by a `session` for the command."""

    @click.option('--url', metavar='URL', help='The broker. [default: AMQP_URL, or the context]')
    @click.option(
        '--context',
        metavar='NAME',
        help='A named context, see: coolamqp context.',
        shell_complete=complete_context,
    )
    @click.option(
        '--timeout',
        type=click.FloatRange(min=0.0),
        default=10.0,
        show_default=True,
        metavar='SECONDS',
        help='How long to wait for a connection or an answer.',
    )
    @click.option('-v', '--verbose', is_flag=True, help='Show the log of the connection.')
    @json_option
    @functools.wraps(function)
    def wrapped(
        output: Output,
        *,
        url: str | None,
        context: str | None,
        timeout: float,
        verbose: bool,
        **arguments: Any,
    ) -> Any:
        if verbose:
            logging.getLogger().setLevel(logging.INFO)
        name = click.get_current_context().command_path
        return function(Session(name, url, context, timeout, output), **arguments)

    return wrapped


def argument_options(function: Function) -> Function:
    """Add --argument, for the arguments of a queue, an exchange or a binding."""
    return click.option(
        '-a',
        '--argument',
        'arguments',
        multiple=True,
        metavar='NAME=VALUE',
        callback=lambda _context, _option, values: table_of(values),
        help='An argument, such as x-max-length=1000; a value that is JSON has its type.',
    )(function)


def table_of(assignments: Iterable[str]) -> dict[str, Any]:
    """Return a table from texts `NAME=VALUE`.

    A value that is JSON is that value; anything else is a text. Quotes make a text of a number.

    >>> table_of(['x-max-length=5', 'x-queue-type=quorum', 'tenant="12"'])
    {'x-max-length': 5, 'x-queue-type': 'quorum', 'tenant': '12'}
    """
    table = {}
    for assignment in assignments:
        name, equals, text = assignment.partition('=')
        if not name or not equals:
            raise click.BadParameter(f'{assignment!r} is not of the form NAME=VALUE')
        table[name] = _value_of(text)
    return table


def _value_of(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=str)
    except ValueError:
        return text
