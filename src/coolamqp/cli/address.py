"""The address of the broker: from --url, --context, AMQP_URL, or the current context.

Passwords come from the address, from an environment variable, or from a prompt. No output has one.
"""

from __future__ import annotations

import os
import sys

import click

from coolamqp.cli.contexts import Context, load_contexts
from coolamqp.cli.errors import ExitStatus, Failure
from coolamqp.objects import NodeDefinition
from coolamqp.objects.connection_string import parse_connection_string

VARIABLE = 'AMQP_URL'
DEFAULT_URL = 'amqp://localhost/'


def find_nodes(url: str | None, context: str | None) -> list[NodeDefinition]:
    """Return the nodes that the options, the environment or the current context name.

    :param url: the option --url
    :param context: the option --context
    :raises Failure: both are given, there is no such context, or no password
    :raises ValueError: the address is wrong
    """
    if url is not None and context is not None:
        raise Failure('--url and --context name two brokers; give one of them', ExitStatus.USAGE)
    if url is None:
        found = _stored(context)
        if found is not None:
            return _nodes(found.url, _password_of(found))
        url = os.environ.get(VARIABLE) or DEFAULT_URL
    return _nodes(url, _prompted(url) if needs_password(url) else None)


def _stored(name: str | None) -> Context | None:
    """Return the context to use, if any."""
    if name is None and os.environ.get(VARIABLE):
        return None
    contexts = load_contexts()
    wanted = name or contexts.current
    return None if wanted is None else contexts.named(wanted)


def _nodes(url: str, password: str | None) -> list[NodeDefinition]:
    if password is None:
        return NodeDefinition.several(url)
    return NodeDefinition.several(url, password=password)


def needs_password(url: str) -> bool:
    """Whether an address has a user, and neither a password nor a certificate to log in with."""
    return any(
        'user' in node and 'password' not in node and 'certfile' not in node
        for node in parse_connection_string(url)
    )


def _password_of(context: Context) -> str | None:
    variable = context.password_env
    if variable is None:
        return _prompted(context.url) if needs_password(context.url) else None
    if variable not in os.environ:
        raise Failure(
            f'the password should be in the environment variable {variable}, which is not set; '
            f'set it, or change the context',
            ExitStatus.USAGE,
        )
    return os.environ[variable]


def _prompted(url: str) -> str:
    if not sys.stdin.isatty():
        raise Failure(
            'the address has a user and no password, and there is no terminal to ask for it; add '
            'the password to AMQP_URL, or use a context with --password-env',
            ExitStatus.USAGE,
        )
    user = parse_connection_string(url)[0]['user']
    answer: str = click.prompt(f'Password of {user}', hide_input=True, err=True)
    return answer
