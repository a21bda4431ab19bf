"""`coolamqp tap`."""

from __future__ import annotations

import signal

import pytest

from coolamqp.broker import Broker
from coolamqp.cli.tap import LENGTH_MAX
from tests.cli.command import Command


def wait_for_tap(broker: Broker) -> None:
    broker.wait_until(lambda: any(broker.queue(name).consumers for name in broker.queues()))


def test_it_sees_what_passes_and_the_queues_get_it(coolamqp: Command, broker: Broker) -> None:
    coolamqp('declare', 'queue', 'orders')
    coolamqp('bind', 'orders', 'amq.topic', 'order.#')
    with coolamqp.start('tap', 'amq.topic:order.*', 'amq.fanout') as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b'tapping amq.topic:order.*, amq.fanout')
        coolamqp('publish', '-e', 'amq.topic', 'invoice.new', 'no')
        coolamqp('publish', '-e', 'amq.topic', 'order.new', 'one')
        coolamqp('publish', '-e', 'amq.fanout', 'x', 'two')
        assert process.stdout.readline() == b'one\n'
        assert process.stdout.readline() == b'two\n'
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    assert process.returncode == 0
    assert broker.queue('orders').bodies == [b'one']
    broker.wait_until(lambda: broker.queues() == ['orders'])


def test_it_ends_with_a_count_of_those_that_match(coolamqp: Command, broker: Broker) -> None:
    with coolamqp.start('tap', 'amq.topic', '--where', 'a=2', '-n', '1', '--json') as process:
        wait_for_tap(broker)
        (name,) = broker.queues()
        assert broker.queue(name).arguments['x-max-length'] == LENGTH_MAX
        for number in (1, 2):
            coolamqp('publish', '-e', 'amq.topic', 'k', f'{number}', '-H', f'a={number}')
        out, error = process.communicate(timeout=60)

    assert process.returncode == 0
    assert b'"body": "2"' in out
    assert error == b''


def test_it_goes_on_after_a_reconnect(coolamqp: Command, broker: Broker) -> None:
    with coolamqp.start('tap', 'amq.topic', '-n', '1') as process:
        wait_for_tap(broker)
        broker.drop_connections()
        assert process.stderr is not None
        while not process.stderr.readline().startswith(b'connected to '):
            assert process.poll() is None
        coolamqp('publish', '-e', 'amq.topic', 'k', 'after')
        assert process.communicate(timeout=60)[0] == b'after\n'


@pytest.mark.parametrize(('source', 'status'), [('', 2), ('nowhere', 1)])
def test_what_cannot_be_tapped_is_reported(coolamqp: Command, source: str, status: int) -> None:
    ended = coolamqp('tap', source)

    assert ended.status == status
    assert ended.error.count('\n') == 1


@pytest.mark.integration
def test_on_the_broker_of_the_suite(on_suite_broker: Command) -> None:
    with on_suite_broker.start('tap', 'amq.topic', '-n', '1') as process:
        assert process.stderr is not None
        process.stderr.readline()
        on_suite_broker('publish', '-e', 'amq.topic', 'k', 'hello')
        assert process.communicate(timeout=60)[0] == b'hello\n'
