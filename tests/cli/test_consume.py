"""`coolamqp consume`."""

from __future__ import annotations

import json
import signal
from datetime import datetime

import pytest

from coolamqp.broker import Broker
from coolamqp.cli.consume import offset_of
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue
from tests.cli.command import Command


@pytest.fixture(autouse=True)
def five_messages(broker: Broker) -> None:
    with Cluster(broker.url) as cluster:
        cluster.declare(Queue('jobs', durable=True)).result(10)
        messages = [
            Message(b'%d' % number, headers={'odd': number % 2 == 1}) for number in range(5)
        ]
        cluster.publish_many(messages, routing_key='jobs')
        cluster.wait_for_confirms(10)


def left(broker: Broker) -> list[bytes]:
    assert broker.queue('jobs').unacked == 0
    return broker.queue('jobs').bodies


def test_messages_are_written_and_acknowledged(coolamqp: Command, broker: Broker) -> None:
    ended = coolamqp('consume', 'jobs', '--idle', '0.3')

    assert (ended.status, ended.out, ended.error) == (0, '0\n1\n2\n3\n4\n', '')
    assert left(broker) == []
    assert coolamqp('consume', 'jobs', '--idle', '0').status == 4


def test_a_count_leaves_the_rest(coolamqp: Command, broker: Broker) -> None:
    assert coolamqp('consume', 'jobs', '-n', '2').out == '0\n1\n'
    assert left(broker) == [b'2', b'3', b'4']


def test_messages_that_do_not_match_stay_in_their_order(coolamqp: Command, broker: Broker) -> None:
    ended = coolamqp('consume', 'jobs', '--where', 'odd=true', '--key', 'jobs', '--idle', '0.3')

    assert ended.out == '1\n3\n'
    assert left(broker) == [b'0', b'2', b'4']


def test_messages_can_be_put_back_or_rejected(coolamqp: Command, broker: Broker) -> None:
    assert coolamqp('consume', 'jobs', '--requeue', '--idle', '0.3').out == '0\n1\n2\n3\n4\n'
    assert left(broker) == [b'0', b'1', b'2', b'3', b'4']

    assert coolamqp('consume', 'jobs', '--reject', '-n', '1').out == '0\n'
    assert left(broker) == [b'1', b'2', b'3', b'4']


def test_consume_and_publish_make_a_copy(coolamqp: Command, broker: Broker) -> None:
    before = broker.queue('jobs').messages
    lines = coolamqp('consume', 'jobs', '--json', '--idle', '0.3').out
    assert len(lines.splitlines()) == 5
    assert json.loads(lines.splitlines()[0])['routing_key'] == 'jobs'

    assert coolamqp('publish', '--from-json', given=lines).status == 0
    assert broker.queue('jobs').messages == before


def test_following_waits_until_the_signal(coolamqp: Command, broker: Broker) -> None:
    with coolamqp.start('consume', 'jobs', '--follow') as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(5)] == [
            b'0\n',
            b'1\n',
            b'2\n',
            b'3\n',
            b'4\n',
        ]
        coolamqp('publish', 'jobs', 'late')
        assert process.stdout.readline() == b'late\n'
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)

    assert (process.returncode, out, error) == (0, b'', b'')
    assert left(broker) == []


def test_it_follows_through_a_restart(coolamqp: Command, broker: Broker) -> None:
    with coolamqp.start('consume', 'jobs', '--follow') as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(5):
            process.stdout.readline()
        broker.wait_until(lambda: broker.queue('jobs').is_empty)
        broker.drop_connections()
        assert process.stderr.readline().startswith(b'lost the connection to amqp://guest@')
        assert process.stderr.readline().startswith(b'connected to ')
        coolamqp('publish', 'jobs', 'late')
        assert process.stdout.readline() == b'late\n'
        process.terminate()
        process.communicate(timeout=60)

    assert process.returncode == 0


def test_what_the_reader_did_not_take_stays(coolamqp: Command, broker: Broker) -> None:
    with coolamqp.start('consume', 'jobs', '--follow') as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        coolamqp('publish', 'jobs', 'lost?')
        assert process.wait(60) == 141

    broker.wait_until(lambda: not broker.connections)
    assert left(broker)[-1] == b'lost?'


def test_a_stream_is_read_from_an_offset(coolamqp: Command) -> None:
    coolamqp('declare', 'queue', 'log', '--type', 'stream')
    coolamqp('publish', 'log', 'line {number}', '--count', '4')

    assert coolamqp('consume', 'log', '--offset', '2', '--idle', '0.3').out == 'line 3\nline 4\n'
    first = coolamqp(
        'consume', 'log', '--offset', 'first', '-n', '1', '--where', 'x-stream-offset=3'
    )
    assert first.out == 'line 4\n'
    assert coolamqp('consume', 'log', '--offset', 'middle').status == 2
    classic = coolamqp('consume', 'jobs', '--offset', 'first')
    assert classic.status == 1
    assert classic.error.startswith('coolamqp: jobs has no offsets: ')


def test_an_offset_is_a_number_a_time_or_a_word() -> None:
    found = [offset_of(text) for text in ('first', '7', '1h', '2026-01-31T12:00')]

    assert found == ['first', 7, '1h', datetime(2026, 1, 31, 12, 0)]  # noqa: DTZ001 - local


def test_a_missing_queue_is_reported_once(coolamqp: Command) -> None:
    ended = coolamqp('consume', 'nowhere')

    assert ended.status == 1
    assert ended.error.count('\n') == 1
    assert "404: NOT_FOUND - no queue 'nowhere'" in ended.error


@pytest.mark.integration
def test_on_the_broker_of_the_suite(on_suite_broker: Command) -> None:
    on_suite_broker('declare', 'queue', 'q', '--type', 'quorum')
    on_suite_broker('publish', 'q', 'n{number}', '--count', '3', '-H', 'a=1')
    lines = on_suite_broker('consume', 'q', '--json', '-n', '3').out
    on_suite_broker('publish', '--from-json', given=lines)
    assert on_suite_broker('consume', 'q', '-n', '3').out == 'n1\nn2\nn3\n'
