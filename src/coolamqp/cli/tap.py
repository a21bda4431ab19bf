"""The command `coolamqp tap`: write what passes an exchange, and disturb nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import click

from coolamqp.cli.deliveries import Deliveries
from coolamqp.cli.errors import ExitStatus, Failure
from coolamqp.cli.filters import Condition, Filter, filter_options
from coolamqp.cli.formats import Writer, format_option
from coolamqp.cli.options import Function, argument_options, broker_options
from coolamqp.cli.session import Session
from coolamqp.cli.stop import Stop
from coolamqp.clustering import Cluster
from coolamqp.objects import Queue, ReceivedMessage

# So many messages wait in the broker at most; then it drops the oldest ones.
LENGTH_MAX: Final = 10_000
PREFETCH: Final = 1000
EVERY_KEY: Final = '#'


def tap_options(function: Function) -> Function:
    """Add the options of what to tap."""
    for add in (
        argument_options,
        filter_options,
        click.option(
            '-n', '--count', type=click.IntRange(min=1), help='End after so many messages.'
        ),
    ):
        function = add(function)
    return function


@click.command('tap')
@click.argument('sources', nargs=-1, required=True, metavar='EXCHANGE[:KEY]...')
@tap_options
@format_option
@broker_options
def tap_command(
    session: Session,
    sources: tuple[str, ...],
    count: int | None,
    keys: tuple[str, ...],
    conditions: tuple[Condition, ...],
    arguments: dict[str, Any],
    form: str,
) -> int:
    """Write the messages that pass an exchange with the routing key or pattern KEY.

    The messages go to their queues as always. KEY is '#' by default: everything in a topic or
    fanout exchange. A direct exchange needs a routing key, a headers exchange needs arguments.
    """
    writer = Writer('json' if session.output.as_json else form)
    with session.cluster() as cluster, Stop() as stop:
        taken = tapped(session, cluster, stop, sources, arguments)
        for message in matching(taken, Filter(keys, conditions), count):
            writer.write(message)
            message.ack()
    return ExitStatus.DONE


def tapped(
    session: Session,
    cluster: Cluster,
    stop: Stop,
    sources: Iterable[str],
    arguments: dict[str, Any],
) -> Iterator[ReceivedMessage]:
    """Bind a queue of our own to exchanges. Return the messages in it until the user ends this."""
    queue = Queue(
        '', exclusive=True, auto_delete=True,
        arguments={'x-max-length': LENGTH_MAX, 'x-overflow': 'drop-head'},
    )  # fmt: skip
    session.wait(cluster.declare(queue, persistent=True))
    for source in sources:
        exchange, _, key = source.partition(':')
        if not exchange:
            raise Failure(
                'nothing can be bound to the default exchange; look into its queues with: '
                'coolamqp peek QUEUE',
                ExitStatus.USAGE,
            )
        pattern = key or EVERY_KEY
        session.wait(cluster.bind(queue, exchange, pattern, persistent=True, arguments=arguments))
    deliveries = Deliveries(session, cluster, queue, stop, prefetch=PREFETCH)
    session.output.note(f'tapping {", ".join(sources)}; Ctrl-C ends this')
    return deliveries.until()


def matching(
    messages: Iterable[ReceivedMessage], filter_: Filter, count: int | None
) -> Iterator[ReceivedMessage]:
    """Yield the messages that match, at most `count`, and acknowledge the others."""
    left = count
    for message in messages:
        if not filter_.matches(message):
            message.ack()
            continue
        yield message
        if left is not None:
            left -= 1
            if not left:
                return
