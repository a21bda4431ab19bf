"""The runner: it runs one client in its own process, and checks the result at the broker."""

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
from bench.client_list import Client
from bench.measurement import Measurement
from bench.null_broker import NullBroker, stream
from bench.task import Item, Task
from tests.support.environments import python_of

QUEUE: Final = 'bench'
ROOT: Final = Path(__file__).resolve().parent.parent
# The queue must have the right count within this time. Other channels may publish until then.
COUNT_SECONDS_MAX: Final = 5.0


class RunFailed(Exception):
    """A run has failed, or has lost messages. The text names the client and the item."""


@dataclass(frozen=True)
class RunResult:
    """The result of a run: a measurement, or the reason why the client cannot do the item."""

    version: str
    measurement: Measurement | None
    unable: str = ''


class Runner:
    """The runner for the RabbitMQ at `url` and for its own null broker."""

    def __init__(self, url: str) -> None:
        self._resources = ExitStack()
        self._urls = {'rabbitmq': url}
        self._controls: dict[str, raw.Connection] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def run(self, client: Client, item: Item, messages: int) -> RunResult:
        """Run a client once.

        :raises RunFailed: the process has failed, or the number of messages is wrong
        """
        control = self._connection(item.broker)
        task = self._task(item, messages)
        try:
            with self._partner(task):
                return self._converse(client, task, control)
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
        if broker not in self._controls:
            connection = self._resources.enter_context(raw.Connection(self._urls[broker]))
            self._controls[broker] = connection
        return self._controls[broker]

    def _converse(self, client: Client, task: Task, control: raw.Connection) -> RunResult:
        with _child(client, task) as child:
            _empty(control, task)
            if not task.publishes and not task.echoed and not task.starts_first:
                _fill(control, task)
            answer = child.readline()
            if answer == 'ready\n':
                child.send('go')
                answer = child.readline()
            if answer == 'started\n':
                _fill(control, task)
                answer = child.readline()
            if not answer:
                raise RuntimeError(f'its process has ended:\n{child.errors()}')
        result = _result_of(json.loads(answer))
        if result.measurement:
            _check(control, task)
        return result

    @contextmanager
    def _partner(self, task: Task) -> Iterator[None]:
        if not task.echoed:
            yield
            return
        control = self._controls[task.broker]
        control.renew(task.ping_queue)
        control.renew(task.queue)
        command = [sys.executable, '-m', 'bench.echo', task.to_json()]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as partner:
            try:
                assert partner.stdout is not None
                partner.stdout.readline()
                yield
            finally:
                partner.kill()


def _empty(control: raw.Connection, task: Task) -> None:
    """Empty the queue; on the null broker, set the count to 0."""
    if task.broker == 'null':
        control.call(raw.QUEUE_PURGE, bytes(2) + raw.short(task.queue) + bytes(1))
    elif not task.echoed:
        control.renew(task.queue)


def _fill(control: raw.Connection, task: Task) -> None:
    """Publish the messages into the queue. The queues of the null broker have them already."""
    if task.broker != 'null':
        control.publish_many(raw.publish(task.queue, task.body, task.table), task.messages)
        if not task.starts_first:
            _await_count(control, task.queue, task.messages)


def _check(control: raw.Connection, task: Task) -> None:
    """Raise RuntimeError if the number of messages in the queue is wrong."""
    _await_count(control, task.queue, task.messages if task.publishes else 0)


def _await_count(control: raw.Connection, queue: str, messages: int) -> None:
    deadline = time.monotonic() + COUNT_SECONDS_MAX
    while (found := control.count(queue)) != messages:
        if time.monotonic() > deadline:
            raise RuntimeError(f'the queue has {found} messages instead of {messages}')
        time.sleep(0.005)


def _result_of(answer: dict[str, Any]) -> RunResult:
    found = answer.get('measurement')
    measurement = Measurement(**found) if found else None
    return RunResult(answer['version'], measurement, answer.get('unable', ''))


class _Child:
    """The process of a client, which exchanges lines with the runner."""

    def __init__(self, process: subprocess.Popen[str], errors: IO[str]) -> None:
        self._process, self._errors = process, errors

    def send(self, line: str) -> None:
        """Send a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f'{line}\n')
        self._process.stdin.flush()

    def readline(self) -> str:
        """Return the next line; an empty text if the process has ended."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def errors(self) -> str:
        """Wait for the end of the process, and return its standard error."""
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
