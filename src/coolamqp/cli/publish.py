"""The command `coolamqp publish`: from arguments, files, stdin, or JSON lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from coolamqp.cli.errors import ExitStatus
from coolamqp.cli.options import Function, broker_options, table_of
from coolamqp.cli.outcomes import Outcomes
from coolamqp.cli.records import NAMES, message_of, record_in
from coolamqp.cli.session import Session
from coolamqp.cli.stop import Stop
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, MessageProperties

PERSISTENT, TRANSIENT = 2, 1
MAX_UNCONFIRMED = 10_000
NUMBER = '{number}'
# The names of properties, and those that they have in Python.
PROPERTIES: Final = {shown: name for name, shown in NAMES.items()}
NUMBERS: Final = ('priority', 'delivery_mode', 'timestamp')
Addressed = tuple[Message, bytes, bytes]


@dataclass(frozen=True)
class Source:
    """The messages to publish.

    :ivar messages: yields them until the user ends the command
    :ivar total: how many there are; None if that is not known
    :ivar is_typed: whether the user types them
    """

    messages: Callable[[Stop], Iterator[Addressed]]
    total: int | None
    is_typed: bool = False


@dataclass(frozen=True)
class Defaults:
    """What the options say about each message."""

    exchange: str | None
    key: str | None
    properties: MessageProperties

    def address(self, body: bytes) -> Addressed:
        """Return a message with this body."""
        exchange, key = (self.exchange or '').encode(), (self.key or '').encode()
        return Message(body, self.properties), exchange, key

    def readdress(self, record: Any) -> Addressed:
        """Return the message of a record. A given address takes precedence."""
        message, exchange, key = message_of(record)
        if self.exchange is not None or self.key is not None:
            exchange = (self.exchange or '').encode()
        return message, exchange, key if self.key is None else self.key.encode()


def message_options(function: Function) -> Function:
    """Add the options for headers and properties."""
    for add in (
        click.option('--transient', is_flag=True, help='Lose them when the broker restarts.'),
        click.option(
            '-p', '--property', 'properties', multiple=True, metavar='NAME=VALUE',
            help='A property, such as content_type=text/plain, priority=3 or type=order.',
        ),
        click.option(
            '-H', '--header', 'headers', multiple=True, metavar='NAME=VALUE',
            help='A header; a value that is JSON has its type.',
        ),
    ):  # fmt: skip
        function = add(function)
    return function


def properties_of(
    headers: Iterable[str], properties: Iterable[str], *, transient: bool
) -> MessageProperties:
    """Return the properties that the options say."""
    values: dict[str, Any] = {'delivery_mode': TRANSIENT if transient else PERSISTENT}
    for name, value in table_of(properties).items():
        if name not in PROPERTIES:
            raise click.BadParameter(
                f'no property is called {name!r}; there are {", ".join(PROPERTIES)}'
            )
        if name in NUMBERS and type(value) is not int:
            raise click.BadParameter(f'the property {name} must be a whole number, not {value!r}')
        values[PROPERTIES[name]] = value if name in NUMBERS else str(value)
    if headers:
        values['headers'] = table_of(headers)
    return Message(b'', values).properties


@click.command('publish')
@click.argument('key', required=False)
@click.argument('bodies', nargs=-1, metavar='[BODY]...')
@click.option('-e', '--exchange', help='The exchange.  [default: the default exchange]')
@message_options
@click.option(
    '-f', '--file', 'paths', multiple=True, type=click.Path(exists=True, path_type=Path),
    help='A file with a body, or a folder of them.',
)  # fmt: skip
@click.option('--lines', is_flag=True, help='Each line of stdin is a body.')
@click.option('--from-json', is_flag=True, help='Each line of stdin is a message as JSON.')
@click.option('--count', type=click.IntRange(min=1), help=f'Repeat; {NUMBER} in a body counts.')
@click.option('--rate', type=click.FloatRange(min=0, min_open=True), help='Messages a second.')
@click.option('--confirm/--no-confirm', default=True, show_default=True, help='Wait for confirms.')
@click.option(
    '--mandatory/--no-mandatory', default=None,
    help='Fail if no queue takes a message.  [default: for the default exchange]',
)  # fmt: skip
@broker_options
def publish_command(
    session: Session,
    key: str | None,
    bodies: tuple[str, ...],
    exchange: str | None,
    headers: tuple[str, ...],
    properties: tuple[str, ...],
    transient: bool,
    paths: tuple[Path, ...],
    lines: bool,
    from_json: bool,
    count: int | None,
    rate: float | None,
    confirm: bool,
    mandatory: bool | None,
) -> int:
    """Publish each BODY with the routing key KEY. Without BODY, stdin is the body.

    With the default exchange, KEY is the name of a queue. Messages are persistent.
    """
    if sum(map(bool, (bodies, paths, lines, from_json))) > 1:
        raise click.UsageError('bodies, --file, --lines and --from-json exclude each other')
    if key is None and exchange is None and not from_json:
        raise click.UsageError('name the queue, or the exchange with -e')
    if mandatory and not confirm:
        raise click.UsageError('--mandatory needs confirms; leave out one of the options')
    defaults = Defaults(exchange, key, properties_of(headers, properties, transient=transient))
    source = _source(defaults, bodies, paths, lines=lines, from_json=from_json)
    publishing = Publishing(session, confirm=confirm, mandatory=mandatory)
    return publishing.run(repeated(source, count), rate)


class Publishing:
    """The publishing of messages, with their outcomes.

    :param session: of the command
    :param confirm: whether to wait for confirms
    :param mandatory: whether the broker returns messages without a queue; None for those to the
        default exchange
    """

    def __init__(
        self, session: Session, *, confirm: bool = True, mandatory: bool | None = None
    ) -> None:
        self._session = session
        self._confirm = confirm
        self._mandatory = mandatory
        self._sent = 0
        self.outcomes = Outcomes()

    def run(self, source: Source, rate: float | None) -> int:
        """Publish all messages, report, and return the exit status."""
        output, outcomes = self._session.output, self.outcomes
        with self._session.cluster(max_unconfirmed=MAX_UNCONFIRMED) as cluster, Stop() as stop:
            try:
                with output.progress('published', source.total, hidden=source.is_typed) as progress:
                    for message in stop.at_rate(source.messages(stop), rate):
                        self._publish(cluster, *message)
                        progress.advance()
            finally:
                self._finish()
        if stop.requested:
            return ExitStatus.INTERRUPTED
        done = outcomes.all_confirmed or not self._confirm
        return ExitStatus.DONE if done else ExitStatus.REFUSED

    def _publish(self, cluster: Cluster, message: Message, exchange: bytes, key: bytes) -> None:
        mandatory = self._confirm and not exchange if self._mandatory is None else self._mandatory
        future = cluster.publish(message, exchange, key, confirm=self._confirm, mandatory=mandatory)
        if self._confirm and future is not None:
            self.outcomes.expect(future)
        else:
            self._sent += 1

    def _finish(self) -> None:
        """Wait for the outcomes of all messages, and report them."""
        output = self._session.output
        if not self._confirm:
            output.result({'published': self._sent}, f'sent {self._sent}, without confirms')
            return
        try:
            self.outcomes.wait(self._session.timeout)
        finally:
            self.outcomes.report(output)


def _source(
    defaults: Defaults,
    bodies: tuple[str, ...],
    paths: tuple[Path, ...],
    *,
    lines: bool,
    from_json: bool,
) -> Source:
    """Return the messages that the arguments name."""
    if bodies:
        return Source(lambda _: (defaults.address(body.encode()) for body in bodies), len(bodies))
    if paths:
        files = list(files_of(paths))
        return Source(lambda _: (defaults.address(each.read_bytes()) for each in files), len(files))
    is_typed = sys.stdin.isatty()
    if lines or from_json:
        take = partial(_of_json, defaults) if from_json else defaults.address
        return Source(lambda stop: _lines_of_input(stop, take), None, is_typed)
    return Source(
        lambda stop: map(defaults.address, stop.until_stopped(whole_input())), 1, is_typed
    )


def _of_json(defaults: Defaults, line: bytes) -> Addressed:
    return defaults.readdress(record_in(line))


def _lines_of_input(stop: Stop, take: Callable[[bytes], Addressed]) -> Iterator[Addressed]:
    """Yield the message of each line of stdin."""
    for number, line in enumerate(stop.until_stopped(sys.stdin.buffer), 1):
        try:
            yield take(line.removesuffix(b'\n').removesuffix(b'\r'))
        except ValueError as error:
            raise ValueError(f'line {number}: {error}') from error


def whole_input() -> Iterator[bytes]:
    """Yield everything from stdin, once."""
    yield sys.stdin.buffer.read()


def files_of(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield files, and those in folders in the order of their names."""
    for path in paths:
        if path.is_dir():
            yield from (each for each in sorted(path.iterdir()) if each.is_file())
        else:
            yield path


def repeated(source: Source, count: int | None) -> Source:
    """Return messages `count` times, with their numbers in their bodies."""
    if count is None:
        return source

    def repeat(stop: Stop) -> Iterator[Addressed]:
        given = list(source.messages(stop))
        for number in range(1, count + 1):
            for message, exchange, key in given:
                body = message.body.replace(NUMBER.encode(), b'%d' % number)
                yield Message(body, message.properties), exchange, key

    total = None if source.total is None else source.total * count
    return Source(repeat, total, source.is_typed)
