"""`coolamqp publish`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from coolamqp.broker import Broker
from coolamqp.clustering import Cluster
from coolamqp.objects import Queue
from tests.cli.command import Command


@pytest.fixture(autouse=True)
def queue(broker: Broker) -> None:
    with Cluster(broker.url) as cluster:
        cluster.declare(Queue('jobs', durable=True)).result(10)


def bodies(broker: Broker) -> list[bytes]:
    return broker.queue('jobs').bodies


def test_each_argument_is_a_message(coolamqp: Command, broker: Broker) -> None:
    ended = coolamqp('publish', 'jobs', 'one', 'two')

    assert (ended.status, ended.out) == (0, 'published 2 messages: 2 confirmed\n')
    assert bodies(broker) == [b'one', b'two']
    assert broker.queue('jobs').messages[0].properties.delivery_mode == 2


def test_a_message_has_headers_and_properties(coolamqp: Command, broker: Broker) -> None:
    coolamqp(
        'publish', 'jobs', 'x', '--transient', '-H', 'attempt=3', '-H', 'why=late',
        '-p', 'type=order', '-p', 'priority=4', '-p', 'message_id=17', '-p', 'expiration=60000',
    )  # fmt: skip

    message = broker.queue('jobs').messages[0]
    assert message.headers == {'attempt': 3, 'why': 'late'}
    assert message.properties.delivery_mode == 1
    assert message.properties.type_ == b'order'
    assert message.properties.priority == 4
    assert message.properties.message_id == b'17'


def test_stdin_is_one_message_or_one_a_line(coolamqp: Command, broker: Broker) -> None:
    coolamqp('publish', 'jobs', given=b'\x00 whole\n')
    coolamqp('publish', 'jobs', '--lines', given=b'one\ntwo\r\n\nlast')

    assert bodies(broker) == [b'\x00 whole\n', b'one', b'two', b'', b'last']


def test_files_and_folders_are_messages(coolamqp: Command, broker: Broker, tmp_path: Path) -> None:
    folder = tmp_path / 'folder'
    (folder / 'inner').mkdir(parents=True)
    for name in ('b', 'a'):
        (folder / name).write_bytes(f'of {name}'.encode())

    assert coolamqp('publish', 'jobs', '-f', folder, '-f', folder / 'b').status == 0
    assert bodies(broker) == [b'of a', b'of b', b'of b']


def test_a_missing_file_is_reported(coolamqp: Command, tmp_path: Path) -> None:
    ended = coolamqp('publish', 'jobs', '-f', tmp_path / 'nothing')

    assert ended.status == 2
    assert 'nothing' in ended.error


def test_a_body_is_repeated_with_its_number(coolamqp: Command, broker: Broker) -> None:
    ended = coolamqp('publish', 'jobs', 'n{number}', '--count', '3', '--rate', '1000', '--json')

    assert bodies(broker) == [b'n1', b'n2', b'n3']
    assert ended.record == {
        'published': 3, 'confirmed': 3, 'returned': 0, 'refused': 0, 'failed': 0, 'unconfirmed': 0,
        'errors': {},
    }  # fmt: skip


def test_json_lines_are_messages_with_their_address(coolamqp: Command, broker: Broker) -> None:
    coolamqp('declare', 'queue', 'others')
    lines = [
        {'routing_key': 'jobs', 'body': 'one', 'headers': {'a': 1}, 'redelivered': True},
        {'exchange': 'nowhere', 'routing_key': 'jobs', 'body': {'$base64': 'AP8='}},
    ]
    given = ''.join(f'{json.dumps(line)}\n' for line in lines)

    assert coolamqp('publish', '--from-json', given=given).status == 1
    assert bodies(broker) == [b'one']
    assert coolamqp('publish', 'others', '--from-json', given=given).status == 0
    assert broker.queue('others').bodies == [b'one', b'\x00\xff']


def test_a_wrong_line_is_named_and_those_before_are_published(
    coolamqp: Command, broker: Broker
) -> None:
    ended = coolamqp('publish', '--from-json', given=b'{"routing_key":"jobs"}\n{\n')

    assert ended.status == 2
    assert 'coolamqp: line 2: this is no JSON: ' in ended.error
    assert ended.out == 'published 1 message: 1 confirmed\n'
    assert bodies(broker) == [b'']


def shown_on_a_terminal(command: Command, *arguments: object, stdin: int | None = None) -> str:
    """Run a command whose stderr is a terminal; return what it shows there."""
    import pty  # noqa: PLC0415 - not everywhere

    master, slave = pty.openpty()
    try:
        process = subprocess.Popen(
            command.line(*arguments),
            stdin=slave if stdin is None else stdin,
            stdout=subprocess.DEVNULL,
            stderr=slave,
            env=command.environment(TERM='xterm', NO_COLOR='1', COLUMNS='100'),
        )
    finally:
        os.close(slave)
    shown = b''
    while piece := read_terminal(master):
        shown += piece
    os.close(master)
    assert process.wait(60) == 0, shown
    return shown.decode()


def read_terminal(master: int) -> bytes:
    """Return what comes next; nothing after the last program has closed the terminal."""
    try:
        return os.read(master, 10_000)
    except OSError:
        return b''


def test_a_terminal_shows_the_share_that_is_published(coolamqp: Command, tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f'{number}.txt').write_text('body')

    assert '100% 20/20' in shown_on_a_terminal(coolamqp, 'publish', 'jobs', 'x', '--count', 20)
    assert '100% 14/14' in shown_on_a_terminal(
        coolamqp, 'publish', 'jobs', '-f', tmp_path, '--count', 2
    )


def test_without_a_known_number_a_terminal_shows_how_many(
    coolamqp: Command, tmp_path: Path
) -> None:
    file = tmp_path / 'lines'
    file.write_text('one\ntwo\nthree\n')
    with file.open() as lines:
        shown = shown_on_a_terminal(coolamqp, 'publish', 'jobs', '--lines', stdin=lines.fileno())

    assert ' 3 0:00:' in shown
    assert '%' not in shown


def test_what_no_queue_takes_is_returned(coolamqp: Command, broker: Broker) -> None:
    typo = coolamqp('publish', 'jbos', 'x')
    assert (typo.status, typo.out) == (1, 'published 1 message: 0 confirmed, 1 returned\n')
    assert 'no queue receives messages' in typo.error

    assert coolamqp('publish', '-e', 'amq.topic', 'x', 'y').status == 0
    assert coolamqp('publish', '-e', 'amq.topic', 'x', 'y', '--mandatory').status == 1
    assert coolamqp('publish', 'jbos', 'x', '--no-mandatory').status == 0


def test_what_the_broker_refuses_is_told(coolamqp: Command, broker: Broker) -> None:
    ended = coolamqp('publish', '-e', 'nowhere', 'x', 'y', 'z', '--json')

    assert ended.status == 1
    assert (ended.record['refused'], ended.record['confirmed']) == (2, 0)
    assert list(ended.record['errors'].values()) == [2]


def test_without_confirms_nobody_knows(coolamqp: Command, broker: Broker) -> None:
    ended = coolamqp('publish', 'jobs', 'x', '--no-confirm')

    assert (ended.status, ended.out) == (0, 'sent 1, without confirms\n')
    assert bodies(broker) == [b'x']


@pytest.mark.parametrize(
    'arguments',
    [
        [],
        ['jobs', 'x', '--lines'],
        ['jobs', 'x', '--mandatory', '--no-confirm'],
        ['jobs', '-H', 'x'],
        ['jobs', 'x', '-p', 'type_=order'],
        ['jobs', 'x', '-p', 'headers=none'],
        ['jobs', 'x', '-p', 'priority=high'],
        ['jobs', 'x', '-p', 'priority=300'],
    ],
)
def test_what_makes_no_sense_is_wrong_usage(coolamqp: Command, arguments: list[str]) -> None:
    assert coolamqp('publish', *arguments).status == 2


def test_an_interruption_ends_it_after_the_confirms(coolamqp: Command, broker: Broker) -> None:
    with coolamqp.start('publish', 'jobs', '--lines') as process:
        assert process.stdin is not None
        process.stdin.write(b'one\n')
        process.stdin.flush()
        broker.wait_for_message(routing_key='jobs')
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)

    assert (process.returncode, out, error) == (130, b'published 1 message: 1 confirmed\n', b'')


@pytest.mark.integration
def test_on_the_broker_of_the_suite(on_suite_broker: Command) -> None:
    on_suite_broker('declare', 'queue', 'q')
    assert (
        on_suite_broker('publish', 'q', 'n', '--count', 2000, '--json').record['confirmed'] == 2000
    )
    assert on_suite_broker('publish', 'nowhere', 'x').status == 1
    assert on_suite_broker('info', 'queue', 'q', '--json').record['messages_ready'] == 2000
