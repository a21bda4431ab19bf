"""`coolamqp move`: nothing is lost, wherever it is stopped."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterable

import pytest

from coolamqp.broker import Broker
from coolamqp.cli.move import PREFETCH, copy_of
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, MessageProperties, Queue, ReceivedMessage
from tests.cli.command import Command

TOTAL = 3000


@pytest.fixture(autouse=True)
def queues(broker: Broker) -> None:
    with Cluster(broker.url) as cluster:
        for name in ('source', 'target'):
            cluster.declare(Queue(name, durable=True)).result(10)


def fill(broker: Broker, numbers: Iterable[int]) -> None:
    with Cluster(broker.url) as cluster:
        messages = [Message(b'%d' % number, headers={'odd': number % 2 == 1}) for number in numbers]
        cluster.publish_many(messages, routing_key='source')
        cluster.wait_for_confirms(30)


def bodies(broker: Broker, queue: str) -> list[int]:
    view = broker.queue(queue)
    assert view.unacked == 0
    return [int(body) for body in view.bodies]


def test_all_messages_are_moved_in_order(coolamqp: Command, broker: Broker) -> None:
    fill(broker, range(TOTAL))
    before = broker.queue('source').messages

    ended = coolamqp('move', 'source', 'target', '--idle', '0.5')

    assert (ended.status, ended.out) == (0, f'moved {TOTAL} messages\n')
    assert bodies(broker, 'source') == []
    assert bodies(broker, 'target') == list(range(TOTAL))
    assert broker.queue('target').messages[1].properties == before[1].properties
    assert coolamqp('move', 'source', 'target', '--idle', '0').status == 4


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('moved', [0, 1, 700, 1500, 2300])
def test_stopped_by_a_signal_each_message_is_in_one_queue(
    coolamqp: Command, broker: Broker, moved: int, number: signal.Signals
) -> None:
    fill(broker, range(TOTAL))
    with coolamqp.start('move', 'source', 'target', '--json') as process:
        broker.wait_until(lambda: bool(broker.queue('source').consumers), 30)
        broker.wait_until(lambda: len(broker.queue('target')) >= moved, 30)
        process.send_signal(number)
        _, error = process.communicate(timeout=60)

    assert (process.returncode, error) == (130, b'')
    broker.wait_until(lambda: not broker.connections)
    source, target = bodies(broker, 'source'), bodies(broker, 'target')
    assert target == list(range(len(target)))
    assert source == list(range(len(target), TOTAL))


@pytest.mark.parametrize('moved', [0, 1, 100, 500, 1000, 1500, 2000, 2500, 2900])
def test_killed_no_message_is_lost(coolamqp: Command, broker: Broker, moved: int) -> None:
    fill(broker, range(TOTAL))
    with coolamqp.start('move', 'source', 'target') as process:
        broker.wait_until(lambda: bool(broker.queue('source').consumers), 30)
        broker.wait_until(lambda: len(broker.queue('target')) >= moved, 30)
        process.kill()
        process.communicate(timeout=60)

    broker.wait_until(lambda: not broker.connections)
    found = Counter(bodies(broker, 'source') + bodies(broker, 'target'))
    assert sorted(found) == list(range(TOTAL))
    assert found.total() - TOTAL <= PREFETCH


@pytest.mark.parametrize('moved', [1, 1000, 2000])
def test_it_goes_on_after_lost_connections(coolamqp: Command, broker: Broker, moved: int) -> None:
    fill(broker, range(TOTAL))
    with coolamqp.start('move', 'source', 'target', '--idle', '3') as process:
        broker.wait_until(lambda: len(broker.queue('target')) >= moved, 30)
        broker.drop_connections()
        out, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert out.startswith(b'moved ')
    assert bodies(broker, 'source') == []
    assert sorted(set(bodies(broker, 'target'))) == list(range(TOTAL))


def test_only_some_are_moved(coolamqp: Command, broker: Broker) -> None:
    fill(broker, range(6))

    assert coolamqp('move', 'source', 'target', '--where', 'odd=true', '-n', '2').status == 0
    assert (bodies(broker, 'source'), bodies(broker, 'target')) == ([0, 2, 4, 5], [1, 3])


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize('moved', [0, 1, 700, 1400])
def test_stopped_with_a_filter_the_others_stay_in_order(
    coolamqp: Command, broker: Broker, moved: int, number: signal.Signals
) -> None:
    fill(broker, range(TOTAL))
    line = ('move', 'source', 'target', '--where', 'odd=true', '--idle', '60')
    with coolamqp.start(*line) as process:
        broker.wait_until(lambda: bool(broker.queue('source').consumers), 30)
        broker.wait_until(lambda: len(broker.queue('target')) >= moved, 30)
        process.send_signal(number)
        process.communicate(timeout=60)

    broker.wait_until(lambda: not broker.connections)
    source, target = bodies(broker, 'source'), bodies(broker, 'target')
    assert target == list(range(1, 2 * len(target), 2))
    if number is signal.SIGINT:
        assert source == sorted(set(range(TOTAL)) - set(target))
    else:  # Those without an acknowledgement are in both.
        assert source == sorted(source)
        assert set(source) | set(target) == set(range(TOTAL))


def test_between_two_brokers(coolamqp: Command, broker: Broker) -> None:
    fill(broker, range(10))
    with Broker() as other:
        with Cluster(other.url) as cluster:
            cluster.declare(Queue('source', durable=True)).result(10)

        ended = coolamqp('move', 'source', 'source', '--to-url', other.url, '--json')

        assert ended.record == {'moved': 10, 'not_moved': 0, 'perhaps_twice': 0, 'errors': {}}
        assert bodies(other, 'source') == list(range(10))
    assert bodies(broker, 'source') == []


def test_what_the_target_refuses_stays(coolamqp: Command, broker: Broker) -> None:
    fill(broker, range(5))
    coolamqp('declare', 'queue', 'full', '-a', 'x-max-length=2', '-a', 'x-overflow=reject-publish')

    ended = coolamqp('move', 'source', 'full', '--timeout', '30')

    assert ended.status == 1
    assert ended.out == 'moved 2 messages; 3 stay where they were\n'
    assert 'the broker has refused the message' in ended.error
    assert (bodies(broker, 'full'), bodies(broker, 'source')) == ([0, 1], [2, 3, 4])


@pytest.mark.parametrize(
    ('source', 'target', 'status'),
    [('source', 'source', 2), ('source', 'nowhere', 1), ('nowhere', 'target', 1)],
)
def test_what_cannot_be_moved_is_reported(
    coolamqp: Command, broker: Broker, source: str, target: str, status: int
) -> None:
    fill(broker, range(2))
    ended = coolamqp('move', source, target)

    assert ended.status == status
    assert bodies(broker, 'source') == [0, 1]


def test_a_copy_is_not_routed_to_other_queues() -> None:
    headers = [(b'CC', ([(b'other', 'S')], 'A')), (b'a', (1, 'b'))]
    message = ReceivedMessage(b'x', '', 'q', MessageProperties(app_id='x', headers=headers))

    assert copy_of(message) == Message(b'x', app_id='x', headers=[(b'a', (1, 'b'))])


@pytest.mark.integration
def test_on_the_broker_of_the_suite(on_suite_broker: Command) -> None:
    on_suite_broker('declare', 'queue', 'dead', '--type', 'quorum')
    on_suite_broker('declare', 'queue', 'live', '--type', 'quorum')
    on_suite_broker('publish', 'dead', 'n', '--count', 500)
    assert on_suite_broker('move', 'dead', 'live').out == 'moved 500 messages\n'
    assert on_suite_broker('info', 'queue', 'live', '--json').record['messages_ready'] == 500


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGINT])
def test_what_the_target_has_not_confirmed_stays(
    coolamqp: Command, broker: Broker, number: signal.Signals
) -> None:
    fill(broker, range(100))
    with Broker() as other:
        with Cluster(other.url) as cluster:
            cluster.declare(Queue('target', durable=True)).result(10)
        other.lose_next_confirm(100)
        line = ('move', 'source', 'target', '--to-url', other.url, '--timeout', '2', '--idle', '60')
        with coolamqp.start(*line) as process:
            other.wait_until(lambda: len(other.queue('target')) == 100, 30)
            process.send_signal(number)
            _, error = process.communicate(timeout=60)

    assert (b'has not confirmed 100 messages' in error) is (number is signal.SIGINT)
    broker.wait_until(lambda: broker.queue('source').unacked == 0)
    assert bodies(broker, 'source') == list(range(100))
