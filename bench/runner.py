"""Has one client do one work in a process of its own, and checks at the broker that it has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final, Self

from bench import raw
from bench.environments import python_of
from bench.measurement import Measurement
from bench.null_broker import NullBroker, stream
from bench.roster import Client
from bench.task import Item, Task

QUEUE: Final = 'bench'
ROOT: Final = Path(__file__).resolve().parent.parent
# Seconds until what is published must be in the queue; another channel may count before it is.
SETTLING: Final = 5.0


class RunFailed(Exception):
    """A client has failed at a work, or lied about it; the text names both."""


@dataclass(frozen=True)
class Outcome:
    """What a run gave: a measurement, or the reason why this client cannot do it."""

    version: str
    measurement: Measurement | None
    unable: str = ''


class Runner:
    """Runs anything on the RabbitMQ at `url`, or on a null broker of its own."""

    def __init__(self, url: str) -> None:
        self._resources = ExitStack()
        self._urls = {'rabbitmq': url}
        self._orders: dict[str, raw.Connection] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def run(self, client: Client, item: Item, messages: int) -> Outcome:
        """Run it once. Raises RunFailed if any message was lost or miscounted."""
        orders = self._connection(item.broker)
        task = self._task(item, messages)
        try:
            with self._partner(task):
                return self._converse(client, task, orders)
        except (RuntimeError, json.JSONDecodeError, subprocess.TimeoutExpired) as error:
            raise RunFailed(f'{client.label} failed at "{item}": {error}') from error

    def _task(self, item: Item, messages: int) -> Task:
        streamed = item.broker == 'null' and not item.publishes
        return Task(
            **asdict(item),
            messages=messages,
            url=self._urls[item.broker],
            queue=stream(messages, item.size) if streamed else QUEUE,
        )

    def _connection(self, broker: str) -> raw.Connection:
        if broker == 'null' and broker not in self._urls:
            self._urls[broker] = self._resources.enter_context(NullBroker()).url
        if broker not in self._orders:
            connection = self._resources.enter_context(raw.Connection(self._urls[broker]))
            self._orders[broker] = connection
        return self._orders[broker]

    def _converse(self, client: Client, task: Task, orders: raw.Connection) -> Outcome:
        with _child(client, task) as child:
            _empty(orders, task)
            if not task.publishes and not task.echoed and not task.starts_first:
                _fill(orders, task)
            answer = child.readline()
            if answer == 'ready\n':
                child.say('go')
                answer = child.readline()
            if answer == 'started\n':
                _fill(orders, task)
                answer = child.readline()
            if not answer:
                raise RuntimeError(f'its process ended:\n{child.complaint()}')
        outcome = _outcome(json.loads(answer))
        if outcome.measurement:
            _check(orders, task)
        return outcome

    @contextmanager
    def _partner(self, task: Task) -> Iterator[None]:
        if not task.echoed:
            yield
            return
        orders = self._orders[task.broker]
        orders.renew(task.ping_queue)
        orders.renew(task.queue)
        command = [sys.executable, '-m', 'bench.echo', task.to_json()]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as partner:
            try:
                assert partner.stdout is not None
                partner.stdout.readline()
                yield
            finally:
                partner.kill()


def _empty(orders: raw.Connection, task: Task) -> None:
    """Have an empty queue; on the null broker, a count that begins at 0."""
    if task.broker == 'null':
        orders.call(raw.QUEUE_PURGE, bytes(2) + raw.short(task.queue) + bytes(1))
    elif not task.echoed:
        orders.renew(task.queue)


def _fill(orders: raw.Connection, task: Task) -> None:
    """Have the messages in the queue. The null broker needs no filling."""
    if task.broker != 'null':
        orders.publish_many(raw.publish(task.queue, task.body, task.table), task.messages)
        if not task.starts_first:
            _await_count(orders, task.queue, task.messages)


def _check(orders: raw.Connection, task: Task) -> None:
    """Raise if the queue has not just what it should have now."""
    _await_count(orders, task.queue, task.messages if task.publishes else 0)


def _await_count(orders: raw.Connection, queue: str, messages: int) -> None:
    deadline = time.monotonic() + SETTLING
    while (found := orders.count(queue)) != messages:
        if time.monotonic() > deadline:
            raise RuntimeError(f'{found} messages are in the queue, where {messages} should be')
        time.sleep(0.005)


def _outcome(answer: dict[str, Any]) -> Outcome:
    found = answer.get('measurement')
    measurement = Measurement(**found) if found else None
    return Outcome(answer['version'], measurement, answer.get('unable', ''))


class _Child:
    """The process of a client, to talk with a line at a time."""

    def __init__(self, process: subprocess.Popen[str], errors: IO[str]) -> None:
        self._process, self._errors = process, errors

    def say(self, line: str) -> None:
        """Tell it something."""
        assert self._process.stdin is not None
        self._process.stdin.write(f'{line}\n')
        self._process.stdin.flush()

    def readline(self) -> str:
        """Give what it says next; nothing if it has ended."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def complaint(self) -> str:
        """Give what it has to say about its end."""
        self._process.wait(30)
        self._errors.seek(0)
        return self._errors.read()


@contextmanager
def _child(client: Client, task: Task) -> Iterator[_Child]:
    arguments = [client.module, client.distribution, task.to_json()]
    with (
        TemporaryFile('w+') as errors,
        subprocess.Popen(
            [python_of(client.environment), '-m', 'bench.child', *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=ROOT,
            env={**os.environ, **client.variables},
        ) as process,
    ):
        try:
            yield _Child(process, errors)
            process.communicate(timeout=30)
        finally:
            process.kill()
