"""The command `coolamqp move`: from a queue to another one, perhaps of another broker.

A message is acknowledged after the target has confirmed it. So it is always in one of the queues,
wherever the command is stopped; if that happens between the two, it is in both.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from functools import partial
from typing import Any, Final

import click

from coolamqp.cli.address import find_nodes
from coolamqp.cli.contexts import complete_context
from coolamqp.cli.deliveries import Deliveries
from coolamqp.cli.errors import ExitStatus
from coolamqp.cli.filters import Condition, Filter, filter_options
from coolamqp.cli.options import broker_options
from coolamqp.cli.outcomes import Outcomes
from coolamqp.cli.output import Progress, counted
from coolamqp.cli.session import Session
from coolamqp.cli.settling import HELD_MAX, Held
from coolamqp.cli.stop import Stop
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue, ReceivedMessage
from coolamqp.objects.message import flat_body

PREFETCH: Final = 1000
# With these headers, RabbitMQ would route the message to further queues.
# https://www.rabbitmq.com/docs/sender-selected
CARBON_COPIES: Final = (b'CC', b'BCC')


@click.command('move')
@click.argument('source')
@click.argument('target')
@click.option('--to-url', metavar='URL', help='The broker of TARGET.  [default: the same]')
@click.option('--to-context', metavar='NAME', help='The context of the broker of TARGET.',
              shell_complete=complete_context)  # fmt: skip
@click.option('-n', '--count', type=click.IntRange(min=1), help='End after so many messages.')
@click.option(
    '--idle', type=click.FloatRange(min=0), default=1.0, show_default=True, metavar='SECONDS',
    help='How long to wait for the next message.',
)  # fmt: skip
@filter_options
@broker_options
def move_command(
    session: Session,
    source: str,
    target: str,
    to_url: str | None,
    to_context: str | None,
    count: int | None,
    idle: float,
    keys: tuple[str, ...],
    conditions: tuple[Condition, ...],
) -> int:
    """Move the messages of the queue SOURCE to the queue TARGET, in their order.

    A message leaves SOURCE after TARGET has it, so none is lost wherever you stop the command.
    """
    is_same = to_url is None and to_context is None
    if is_same and source == target:
        raise click.UsageError('SOURCE and TARGET are the same queue; name another one')
    nodes = None if is_same else find_nodes(to_url, to_context)
    filter_ = Filter(keys, conditions)
    prefetch = HELD_MAX + PREFETCH if filter_ else min(count or PREFETCH, PREFETCH)
    with session.cluster() as taking, session.cluster(nodes) as giving, Stop() as stop:
        session.wait(giving.declare(Queue(target), passive=True))
        deliveries = Deliveries(session, taking, source, stop, prefetch=prefetch)
        moving = Moving(giving, target.encode(), filter_)
        try:
            with session.output.progress('moved', count) as progress:
                moving.run(deliveries, count, idle, progress)
        finally:
            moving.finish(session)
    if stop.requested:
        return ExitStatus.INTERRUPTED
    if not moving.outcomes.all_confirmed:
        return ExitStatus.REFUSED
    return ExitStatus.DONE if moving.outcomes.published else ExitStatus.NOTHING


class Moving:
    """Messages on their way to another queue.

    :param giving: the Cluster of the target
    :param target: the name of the target
    :param filter_: which messages to move
    """

    def __init__(self, giving: Cluster, target: bytes, filter_: Filter) -> None:
        self.outcomes = Outcomes()
        self._giving = giving
        self._target = target
        self._filter = filter_
        self._held = Held()
        self._doubts = 0  # acknowledgements that did not count: the broker had taken it back
        self._has_failed = threading.Event()

    def run(
        self, deliveries: Deliveries, count: int | None, idle: float, progress: Progress
    ) -> None:
        """Move messages until none is left, or one fails."""
        for message in deliveries.until(idle=idle):
            if self._has_failed.is_set():
                return
            if not self._filter.matches(message):
                self._held.hold(message)
                continue
            self._move(message)
            progress.advance()
            if self.outcomes.published == count:
                return

    def _move(self, message: ReceivedMessage) -> None:
        future = self._giving.publish(
            copy_of(message), routing_key=self._target, confirm=True, mandatory=True
        )
        assert future is not None  # noqa: S101 - there is one with a confirm
        future.add_done_callback(partial(self._settle, message))
        self.outcomes.expect(future)

    def _settle(self, message: ReceivedMessage, future: Future[Any]) -> None:
        """Acknowledge a message that the target has. Others go back when the connection ends."""
        if future.cancelled() or future.exception() is not None:
            self._has_failed.set()
        elif not message.ack():
            self._doubts += 1

    def finish(self, session: Session) -> None:
        """Wait for the outcomes of all messages, and report them."""
        outcomes = self.outcomes
        try:
            outcomes.wait(session.timeout)
        finally:
            self._held.put_back()
            moved = outcomes.counts['confirmed']
            for text, number in outcomes.errors.items():
                session.output.note(f'{counted(number, "message")}: {text}')
            record = {
                'moved': moved,
                'not_moved': outcomes.published - moved,
                'perhaps_twice': self._doubts + outcomes.unconfirmed,
                'errors': dict(outcomes.errors),
            }
            session.output.result(record, _sentence(record))


def _sentence(record: dict[str, Any]) -> str:
    text = f'moved {counted(record["moved"], "message")}'
    if record['not_moved']:
        text += f'; {record["not_moved"]} stay where they were'
    if record['perhaps_twice']:
        text += f'; {record["perhaps_twice"]} may be in both queues, because a connection was lost'
    return text


def copy_of(message: ReceivedMessage) -> Message:
    """Return a message to publish that has the same body, properties and headers."""
    properties = message.properties
    headers = properties.headers
    if headers and any(name in CARBON_COPIES for name, _ in headers):
        kept = [pair for pair in headers if pair[0] not in CARBON_COPIES]
        return Message(flat_body(message.body), properties.replace(headers=kept))
    return Message(flat_body(message.body), properties)
