"""The `coolamqp` command: publish, consume, move and watch messages from a terminal.

Each file has a command or a group of commands; `commands` lists them. The others are what commands
share: `address` and `contexts` find the broker, `options` and `session` connect to it, `output`
and `errors` answer the user, `stop` ends a command, and `records` and `filters` are about messages.

Needs the extra `cli` (click, rich and trustme). Only this package may import these.
"""

from __future__ import annotations

import sys

NEEDED = ('click', 'rich', 'trustme')
USAGE, INTERRUPTED = 2, 130  # as in `errors`, which may not be importable


def main() -> int:
    """Run the command with the arguments of this process. Return its exit status."""
    try:
        from coolamqp.cli.commands import run  # noqa: PLC0415 - click may be missing

        return run(sys.argv[1:])
    except KeyboardInterrupt:  # during the imports
        return INTERRUPTED
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        print(  # noqa: T201 - click would do it
            f"coolamqp: the command needs {error.name}; run: pip install 'coolamqp[cli]'",
            file=sys.stderr,
        )
        return USAGE
