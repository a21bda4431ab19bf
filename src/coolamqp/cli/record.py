"""The commands `coolamqp record` and `coolamqp replay`: keep what passes an exchange in a file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from coolamqp.cli.errors import ExitStatus
from coolamqp.cli.filters import Condition, Filter
from coolamqp.cli.options import broker_options
from coolamqp.cli.output import counted, json_line
from coolamqp.cli.publish import Addressed, Defaults, Publishing, Source, properties_of
from coolamqp.cli.records import record_in, record_of
from coolamqp.cli.session import Session
from coolamqp.cli.stop import Stop
from coolamqp.cli.tap import matching, tap_options, tapped


@click.command('record')
@click.argument('file', type=click.Path(dir_okay=False, path_type=Path))
@click.argument('sources', nargs=-1, required=True, metavar='EXCHANGE[:KEY]...')
@tap_options
@broker_options
def record_command(
    session: Session,
    file: Path,
    sources: tuple[str, ...],
    count: int | None,
    keys: tuple[str, ...],
    conditions: tuple[Condition, ...],
    arguments: dict[str, Any],
) -> int:
    """Write the messages that pass an exchange into FILE, until Ctrl-C. See also: coolamqp tap.

    Each line is a message as JSON, with the time at which it came. FILE must not exist yet.
    """
    recorded = 0
    with session.cluster() as cluster, Stop() as stop, file.open('xb') as lines:
        taken = tapped(session, cluster, stop, sources, arguments)
        for message in matching(taken, Filter(keys, conditions), count):
            lines.write(json_line(record_of(message, time=round(time.time(), 6))))
            lines.flush()
            message.ack()
            recorded += 1
    record = {'recorded': recorded, 'file': str(file)}
    session.output.result(record, f'recorded {counted(recorded, "message")} in {file}')
    return ExitStatus.DONE


@click.command('replay')
@click.argument('file', type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option('--speed', type=click.FloatRange(min=0, min_open=True), default=1.0,
              show_default=True, help='How many times as fast as it was.')  # fmt: skip
@click.option('--fast', is_flag=True, help='As fast as possible.')
@click.option('-e', '--exchange', help='Another exchange.')
@click.option('--key', help='Another routing key.')
@broker_options
def replay_command(
    session: Session,
    file: Path,
    speed: float,
    fast: bool,
    exchange: str | None,
    key: str | None,
) -> int:
    """Publish the messages of FILE again, to their exchanges, with the same pauses between them."""
    defaults = Defaults(exchange, key, properties_of((), (), transient=False))

    def messages(stop: Stop) -> Iterator[Addressed]:
        return replayed(file, defaults, stop, None if fast else speed)

    with file.open('rb') as lines:
        total = sum(1 for _ in lines)
    return Publishing(session).run(Source(messages, total), None)


def replayed(
    file: Path, defaults: Defaults, stop: Stop, speed: float | None
) -> Iterator[Addressed]:
    """Yield the messages of a file, each when it is due; all at once if there is no speed."""
    began, first = time.monotonic(), None
    with file.open('rb') as lines:
        for number, line in enumerate(lines, 1):
            try:
                record = record_in(line)
                message = defaults.readdress(record)
                came = float(record.get('time', 0.0))
            except (ValueError, TypeError) as error:
                raise ValueError(f'{file}, line {number}: {error}') from error
            first = came if first is None else first
            if speed is not None:
                stop.sleep(began + (came - first) / speed - time.monotonic())
            yield message
