"""The demo as a program: `make demo`, or `python -m examples.demo [--folder FOLDER]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import sysconfig
import uuid
from contextlib import AbstractContextManager
from pathlib import Path

from rich.console import Console

from coolamqp.clustering import Cluster
from coolamqp.exceptions import CoolAMQPError
from coolamqp.objects import Queue
from examples.demo.broker import Broker, embedded_broker, given_broker, private_rabbitmq
from examples.demo.display import Display
from examples.demo.tally import Tally
from examples.demo.transfer import receiving, sending, source_files
from tests.support.installation import RabbitMQMissing
from tests.support.nodes import EMBEDDED, is_embedded
from tests.support.rabbitmq import RabbitMQFailed

ARRIVAL_TIMEOUT = 120.0  # seconds
SUCCESS, FAILURE, NOT_RUN, INTERRUPTED = 0, 1, 2, 130


def main() -> int:
    """Run the demo. Return its exit status: 0 if all messages have arrived intact."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # clean up, as after Ctrl-C
    parser = argparse.ArgumentParser(
        prog='python -m examples.demo',
        description='Send every .py file of a folder through a broker that restarts half-way.',
        epilog='The demo uses the embedded broker. Set BROKER=rabbitmq for a private RabbitMQ, or '
        'AMQP_URL for your own.',
    )
    parser.add_argument(
        '--folder',
        type=Path,
        default=Path(sysconfig.get_path('stdlib')),
        help="the folder to send instead of Python's standard library",
    )
    folder: Path = parser.parse_args().folder.absolute()
    try:
        return run(folder)
    except KeyboardInterrupt:
        print('demo: interrupted', file=sys.stderr)
        return INTERRUPTED
    except (RabbitMQMissing, RabbitMQFailed, CoolAMQPError, OSError, ValueError) as error:
        print(f'demo: {error}', file=sys.stderr)
        return NOT_RUN


def run(folder: Path) -> int:
    """Send a folder, show the progress, and print the counts."""
    total = len(source_files(folder))
    if not total:
        raise ValueError(f'there is no .py file in {folder}; name a folder that has some')
    display = Display(Console())
    display.say(f'{total} files of [bold]{folder}[/]')
    with display.live(), choose_broker(display) as broker:
        tally = Tally(total, display.show)
        transfer(broker, folder, tally, display)
    print(tally)
    return SUCCESS if tally.clean else FAILURE


def choose_broker(display: Display) -> AbstractContextManager[Broker]:
    """Return the broker that AMQP_URL or BROKER name; by default the embedded one."""
    url = os.environ.get('AMQP_URL')
    if url:
        display.say('using the broker of AMQP_URL')
        return given_broker(url)
    if is_embedded(default=EMBEDDED):
        display.say('starting the embedded broker')
        return embedded_broker()
    display.say('starting a private RabbitMQ')
    return private_rabbitmq()


def transfer(broker: Broker, folder: Path, tally: Tally, display: Display) -> None:
    """Send and receive all files, and disturb the broker half-way."""
    queue = Queue(f'coolamqp-demo-{uuid.uuid4().hex}', durable=True)
    with (
        Cluster(broker.node, name='consumer') as consumer,
        Cluster(broker.node, name='publisher') as publisher,
        receiving(consumer, queue, tally),
        sending(publisher, queue, folder, tally) as sender,
    ):
        in_time = sender.half_way.wait(ARRIVAL_TIMEOUT)
        if sender.error is None:
            display.say(f'half of it is published: [bold]{broker.disturbance}[/]')
            broker.disturb()
            display.say('the broker takes connections again')
            in_time = tally.complete.wait(ARRIVAL_TIMEOUT)
        if sender.error is not None:
            raise sender.error
        if not in_time:
            display.say(f'[red]not everything has arrived within {ARRIVAL_TIMEOUT:.0f} s[/]')


if __name__ == '__main__':
    sys.exit(main())
