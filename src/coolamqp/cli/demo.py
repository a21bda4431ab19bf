"""The command `coolamqp demo`: a broker restarts, and no message is lost."""

from __future__ import annotations

import threading
from collections import Counter

import click

from coolamqp.broker import Broker
from coolamqp.cli.errors import ExitStatus, Failure
from coolamqp.cli.options import json_option
from coolamqp.cli.outcomes import Outcomes
from coolamqp.cli.output import Output, Progress
from coolamqp.cli.stop import Stop
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue, ReceivedMessage

QUEUE = Queue('demo', durable=True)
TIMEOUT = 60.0  # seconds
PERSISTENT = 2


class Receiver:
    """What a consumer has received.

    :param total: how many different messages there will be
    """

    def __init__(self, total: int, progress: Progress) -> None:
        self.received: Counter[int] = Counter()
        self._total = total
        self._progress = progress
        self.complete = threading.Event()

    def on_message(self, message: ReceivedMessage) -> None:
        """Count a message, and acknowledge it."""
        self.received[int(message.body)] += 1
        message.ack()
        self._progress.advance()
        if len(self.received) == self._total:
            self.complete.set()


@click.command('demo')
@click.option('-n', '--messages', type=click.IntRange(min=2), default=20_000, show_default=True)
@json_option
def demo_command(output: Output, messages: int) -> int:
    """Publish and consume messages, restart the broker half-way, and count what arrives.

    The broker is the embedded one, so this needs no server.
    """
    with Stop() as stop, Broker() as broker, output.progress('received', messages) as progress:
        receiver, outcomes = Receiver(messages, progress), Outcomes()
        output.note(f'publishing {messages} messages; the broker restarts half-way')
        with Cluster(broker.url, name='consumer') as consumer, Cluster(broker.url) as publisher:
            consuming = consumer.consume(QUEUE, receiver.on_message, no_ack=False, prefetch=100)[1]
            consuming.result(TIMEOUT)
            for number in stop.at_rate(range(messages), None):
                if number == messages // 2:
                    broker.restart()
                    output.note('the broker has restarted')
                _publish(publisher, number, outcomes)
            outcomes.wait(TIMEOUT)
            if not stop.requested and not receiver.complete.wait(TIMEOUT):
                raise Failure(f'not all messages have arrived in {TIMEOUT:g} s; try again')
    _report(output, outcomes, receiver, is_complete=not stop.requested)
    if stop.requested:
        return ExitStatus.INTERRUPTED
    return ExitStatus.DONE if outcomes.all_confirmed else ExitStatus.REFUSED


def _publish(publisher: Cluster, number: int, outcomes: Outcomes) -> None:
    message = Message(b'%d' % number, delivery_mode=PERSISTENT)
    future = publisher.publish(message, routing_key='demo', confirm=True)
    if future is not None:
        outcomes.expect(future)


def _report(output: Output, outcomes: Outcomes, receiver: Receiver, *, is_complete: bool) -> None:
    """Write the counts. After an interruption, nobody knows what would have been lost."""
    received = receiver.received
    lost = outcomes.counts['confirmed'] - len(received)
    record = {
        'published': outcomes.published,
        'confirmed': outcomes.counts['confirmed'],
        'received': len(received),
        'lost': lost if is_complete else None,
        'received_again': received.total() - len(received),
    }
    rows = [(name.replace('_', ' '), value) for name, value in record.items() if value is not None]
    output.table(record, rows)
