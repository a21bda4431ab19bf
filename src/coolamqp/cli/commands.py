"""The list of all commands, and the run of one: its exit status, its failure, its interruption."""

from __future__ import annotations

import importlib
import logging
import os
import re
import signal
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

import coolamqp
from coolamqp.cli.errors import ExitStatus, Failure, failure_of
from coolamqp.cli.output import json_line

# The file of each command; a file is imported when its command runs, or is in a list of commands.
FILES: Final = {
    'ping': 'ping',
    'publish': 'publish',
    'consume': 'consume',
    'get': 'get',
    'peek': 'get',
    'move': 'move',
    'tap': 'tap',
    'record': 'record',
    'replay': 'record',
    'request': 'request',
    'reply': 'request',
    'bench': 'bench',
    'declare': 'declare',
    'bind': 'bind',
    'unbind': 'bind',
    'delete': 'delete',
    'purge': 'delete',
    'info': 'info',
    'broker': 'broker',
    'demo': 'demo',
    'context': 'context',
}


PASSWORD: Final = re.compile(r'(amqps?://[^:@\s]*):\S*@')


class Commands(click.Group):
    """All commands. A command is imported when somebody asks for it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(FILES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; None if there is none of that name."""
        if cmd_name not in FILES:
            return None
        module = importlib.import_module(f'coolamqp.cli.{FILES[cmd_name]}')
        command: click.Command = getattr(module, f'{cmd_name}_command')
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command. Click would end the process at these errors."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return ExitStatus.BROKEN_PIPE
        except KeyboardInterrupt:
            return ExitStatus.INTERRUPTED
        return result


@click.command(cls=Commands)
@click.version_option(coolamqp.__version__, prog_name='coolamqp')
def commands() -> None:
    """Publish, consume, move and watch the messages of a RabbitMQ broker.

    The broker is that of --url, of --context, of the environment variable AMQP_URL, or of the
    current context. Without any of them it is amqp://localhost/.
    """


def run(arguments: Sequence[str]) -> int:
    """Run a command. Return its exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # End cleanly, as after Ctrl-C.
    # Commands say themselves what went wrong; --verbose shows the log.
    logging.basicConfig(format='%(message)s', level=logging.CRITICAL)
    try:
        status = commands.main(list(arguments), prog_name='coolamqp', standalone_mode=False)
        return status if isinstance(status, int) else ExitStatus.DONE
    except (KeyboardInterrupt, click.Abort):
        return ExitStatus.INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return ExitStatus.USAGE
    except click.ClickException as error:
        return _report(_usage_failure(error), arguments)
    except Exception as error:
        failure = failure_of(error)
        if failure is None:
            raise
        return _report(failure, arguments)


def _usage_failure(error: click.ClickException) -> Failure:
    context = getattr(error, 'ctx', None)
    command = context.command_path if context else 'coolamqp'
    # Click repeats arguments, and an address may be one in the wrong place.
    message = PASSWORD.sub(r'\1:***@', error.format_message().rstrip('.'))
    return Failure(f'{message[:1].lower()}{message[1:]}; see: {command} --help', ExitStatus.USAGE)


def _report(failure: Failure, arguments: Sequence[str]) -> int:
    """Write a failure to stderr, as text or as JSON. Return its exit status."""
    if '--json' in arguments:
        record = {'error': str(failure), 'status': int(failure.status)}
        sys.stderr.buffer.write(json_line(record))
    else:
        click.echo(f'{click.style("coolamqp:", fg="red")} {failure}', err=True)
    return failure.status
