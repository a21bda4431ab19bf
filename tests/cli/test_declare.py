"""`coolamqp declare`."""

from __future__ import annotations

import pytest

from coolamqp.broker import Broker
from tests.cli.command import Command


def test_a_queue_is_declared(coolamqp: Command, broker: Broker) -> None:
    ended = coolamqp('declare', 'queue', 'jobs', '--type', 'quorum', '-a', 'x-max-length=5')

    assert (ended.status, ended.out) == (0, 'declared queue jobs\n')
    queue = broker.queue('jobs')
    assert (queue.kind, queue.durable) == ('quorum', True)
    assert queue.arguments['x-max-length'] == 5


def test_a_queue_that_is_not_kept(coolamqp: Command, broker: Broker) -> None:
    coolamqp('declare', 'queue', 'brief', '--auto-delete')

    queue = broker.queue('brief')
    assert (queue.durable, queue.auto_delete) == (False, True)


def test_an_exchange_is_declared(coolamqp: Command, broker: Broker) -> None:
    ended = coolamqp('declare', 'exchange', 'events', '--type', 'topic', '--json')

    assert ended.record == {'declared': 'exchange', 'name': 'events'}
    assert 'events' in broker.topology()
    assert 'topic' in broker.topology()


def test_other_options_are_refused(coolamqp: Command, broker: Broker) -> None:
    coolamqp('declare', 'queue', 'jobs')
    ended = coolamqp('declare', 'queue', 'jobs', '-a', 'x-max-length=5')

    assert ended.status == 1
    assert '406: PRECONDITION_FAILED' in ended.error
    assert ended.error.endswith('use the same options as those with which it was declared, or '
                                'another name\n')  # fmt: skip


def test_an_unknown_type_is_wrong_usage(coolamqp: Command) -> None:
    assert coolamqp('declare', 'queue', 'jobs', '--type', 'fifo').status == 2
    assert coolamqp('declare', 'exchange', 'jobs', '--type', 'fifo').status == 2


@pytest.mark.integration
def test_on_the_broker_of_the_suite(on_suite_broker: Command) -> None:
    assert on_suite_broker('declare', 'queue', 'q', '--type', 'quorum').status == 0
    assert on_suite_broker('info', 'queue', 'q', '--json').record['messages_ready'] == 0
