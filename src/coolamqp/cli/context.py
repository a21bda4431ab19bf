"""The commands `coolamqp context`: add, list, use and remove named addresses."""

from __future__ import annotations

import click

from coolamqp.cli.contexts import (
    Context,
    complete_context,
    contexts_file,
    load_contexts,
    save_contexts,
)
from coolamqp.cli.options import json_option
from coolamqp.cli.output import Output


@click.group('context')
def context_command() -> None:
    """Name the addresses of brokers, and choose one.

    The file of contexts is in your configuration folder, and only you may read it. It has no
    passwords: a context names an environment variable, or commands ask for the password.
    """


@context_command.command()
@click.argument('name')
@click.argument('url')
@click.option('--password-env', metavar='VARIABLE', help='The variable that has the password.')
@json_option
def add(output: Output, name: str, url: str, password_env: str | None) -> None:
    """Add the context NAME for the address URL, or replace it. The first one becomes current."""
    contexts = load_contexts()
    contexts.known[name] = Context(url, password_env)
    contexts.current = contexts.current or name
    save_contexts(contexts)
    output.result({'added': name, 'file': str(contexts_file())}, f'added {name}')


@context_command.command('list')
@json_option
def list_(output: Output) -> None:
    """List the contexts. A star marks the current one."""
    contexts = load_contexts()
    for name, context in contexts.known.items():
        is_current = name == contexts.current
        record = {
            'name': name,
            'url': context.url,
            'password_env': context.password_env,
            'current': is_current,
        }
        source = f' (password in {context.password_env})' if context.password_env else ''
        output.result(record, f'{"*" if is_current else " "} {name}  {context.url}{source}')


@context_command.command()
@click.argument('name', shell_complete=complete_context)
@json_option
def use(output: Output, name: str) -> None:
    """Make the context NAME the current one."""
    contexts = load_contexts()
    contexts.named(name)
    contexts.current = name
    save_contexts(contexts)
    output.result({'current': name}, f'commands use {name} now')


@context_command.command()
@click.argument('name', shell_complete=complete_context)
@json_option
def remove(output: Output, name: str) -> None:
    """Remove the context NAME."""
    contexts = load_contexts()
    contexts.named(name)
    del contexts.known[name]
    contexts.current = None if contexts.current == name else contexts.current
    save_contexts(contexts)
    output.result({'removed': name}, f'removed {name}')
