"""Named contexts: addresses of brokers in a file in the user's configuration folder.

The file has no passwords. A context names an environment variable that has the password, or the
command asks for it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from coolamqp.cli.config import config_file, write_private
from coolamqp.cli.errors import ExitStatus, Failure
from coolamqp.objects.connection_string import parse_connection_string

FILE = 'contexts.json'


@dataclass(frozen=True)
class Context:
    """A named address.

    :ivar url: a connection string without a password
    :ivar password_env: the environment variable with the password; None to ask for it
    """

    url: str
    password_env: str | None = None

    def __post_init__(self) -> None:
        if any('password' in node for node in parse_connection_string(self.url)):
            raise ValueError(
                'a context stores no password; leave it out of the address, and name an '
                'environment variable with --password-env, or the command asks for it'
            )


@dataclass
class Contexts:
    """The contexts of a user.

    :ivar known: the contexts by name
    :ivar current: the name of the context that commands use by default
    """

    known: dict[str, Context] = field(default_factory=dict)
    current: str | None = None

    def named(self, name: str) -> Context:
        """Return a context.

        :raises Failure: there is none of that name
        """
        if name not in self.known:
            raise Failure(
                f'there is no context {name!r}; see: coolamqp context list', ExitStatus.USAGE
            )
        return self.known[name]


def contexts_file() -> Path:
    """Return the path of the file, which need not exist."""
    return config_file(FILE)


def load_contexts() -> Contexts:
    """Return the contexts in the file; none if there is no file.

    :raises Failure: the file cannot be understood
    """
    path = contexts_file()
    try:
        text = path.read_text('utf-8')
    except FileNotFoundError:
        return Contexts()
    try:
        found: dict[str, Any] = json.loads(text)
        known = {name: Context(**values) for name, values in found['contexts'].items()}
        return Contexts(known, found['current'])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Failure(
            f'{path} has no contexts in it ({error}); correct it, or delete it and add them again',
            ExitStatus.USAGE,
        ) from error


def save_contexts(contexts: Contexts) -> None:
    """Replace the file, which only the user may read and write."""
    known = {name: asdict(context) for name, context in sorted(contexts.known.items())}
    text = json.dumps({'current': contexts.current, 'contexts': known}, indent=2)
    write_private(contexts_file(), f'{text}\n'.encode())


def complete_context(_context: object, _parameter: object, incomplete: str) -> list[str]:
    """Return the names of contexts that begin with a text, for a shell."""
    return [name for name in load_contexts().known if name.startswith(incomplete)]
