"""The command `coolamqp consume`: write the messages of a queue or a stream, and settle them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from coolamqp.cli.deliveries import PREFETCH, Deliveries
from coolamqp.cli.errors import ExitStatus, Failure
from coolamqp.cli.filters import Condition, Filter, filter_options
from coolamqp.cli.formats import Writer, format_option
from coolamqp.cli.options import broker_options
from coolamqp.cli.session import Session
from coolamqp.cli.settling import ACK, HELD_MAX, REQUEUE, Held, settle_options
from coolamqp.cli.stop import Stop
from coolamqp.exceptions import AMQPError
from coolamqp.objects import ReceivedMessage
from coolamqp.reply_codes import PRECONDITION_FAILED


@click.command('consume')
@click.argument('queue')
@click.option('-n', '--count', type=click.IntRange(min=1), help='End after so many messages.')
@click.option('-f', '--follow', is_flag=True, help='Wait for more messages, until Ctrl-C.')
@click.option(
    '--idle', type=click.FloatRange(min=0), default=1.0, show_default=True, metavar='SECONDS',
    help='Without --follow: how long to wait for the next message.',
)  # fmt: skip
@click.option(
    '--offset', help='In a stream: first, last, next, a number, an age such as 1h, or a time.'
)
@filter_options
@format_option
@settle_options
@broker_options
def consume_command(
    session: Session,
    queue: str,
    count: int | None,
    follow: bool,
    idle: float,
    offset: str | None,
    keys: tuple[str, ...],
    conditions: tuple[Condition, ...],
    form: str,
    settlement: str,
) -> int:
    """Write the messages of QUEUE to stdout, and acknowledge each after it is written.

    Messages that the filters leave out go back into the queue at the end.
    """
    writer = Writer('json' if session.output.as_json else form)
    consuming = Consuming(
        Filter(keys, conditions), writer, settlement, is_stream=offset is not None
    )
    with session.cluster() as cluster, Stop() as stop:
        options = consuming.options(offset)
        try:
            deliveries = Deliveries(session, cluster, queue, stop, **options)
        except AMQPError as error:
            if offset is None or error.reply_code != PRECONDITION_FAILED:
                raise
            raise Failure(f'{queue} has no offsets: {error}; leave out --offset') from error
        try:
            shown = consuming.run(deliveries, count, None if follow else idle)
        finally:
            consuming.held.put_back()
    if stop.requested:
        return ExitStatus.DONE if follow else ExitStatus.INTERRUPTED
    return ExitStatus.DONE if shown else ExitStatus.NOTHING


class Consuming:
    """The messages of a consumer that match, on their way to stdout.

    :param filter_: which messages to write
    :param writer: writes them
    :param settlement: what becomes of them
    :param is_stream: whether they come from a stream, which keeps them whatever one does
    :ivar held: those that stay in the queue
    """

    def __init__(
        self, filter_: Filter, writer: Writer, settlement: str, *, is_stream: bool
    ) -> None:
        self._filter = filter_
        self._writer = writer
        self._settlement = ACK if is_stream else settlement
        self._is_stream = is_stream
        self.held = Held()

    def options(self, offset: str | None) -> dict[str, Any]:
        """Return the options of the consumer: enough prefetch for the messages to hold."""
        if offset is not None:
            return {'arguments': {'x-stream-offset': offset_of(offset)}}
        holds = bool(self._filter) or self._settlement == REQUEUE
        return {'prefetch': HELD_MAX + PREFETCH if holds else PREFETCH}

    def run(self, deliveries: Deliveries, count: int | None, idle: float | None) -> int:
        """Write messages to the end, and return how many."""
        shown = 0
        for message in deliveries.until(idle=idle):
            shown += self._take(message)
            if shown == count:
                break
        return shown

    def _take(self, message: ReceivedMessage) -> bool:
        if self._filter.matches(message):
            self._writer.write(message)
            self.held.settle(message, self._settlement)
            return True
        self.held.settle(message, ACK if self._is_stream else REQUEUE)
        return False


def offset_of(text: str) -> str | int | datetime:
    """Return an offset in a stream.

    >>> offset_of('12'), offset_of('1h'), offset_of('2026-01-31T12:00')
    (12, '1h', datetime.datetime(2026, 1, 31, 12, 0))
    """
    if text.isdecimal():
        return int(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text
