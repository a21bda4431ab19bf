"""The registry of channels: which attaches there are, and whether one owes an answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from coolamqp.attaches import Consumer
from coolamqp.attaches.consumer import subscription_of
from coolamqp.attaches.effects import Effects
from coolamqp.attaches.getter import Fetch
from coolamqp.attaches.operation import Operation, declare
from coolamqp.attaches.publication import Publication
from coolamqp.attaches.requester import Request
from coolamqp.attaches.transactor import Commit
from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import Exchange, Message, Queue
from coolamqp.supervisor.registry import Registry
from coolamqp.supervisor.topology import Topology
from coolamqp.timers import Timers
from tests.support.ending import Ending
from tests.support.rig import Rig


@pytest.fixture
def registry() -> Registry:
    return Registry(Rig(), Topology(), Effects(), Timers(0.0), nack_timeout=10.0)


def test_attaches_that_few_programs_need_are_made_when_they_are_needed(registry: Registry) -> None:
    always = [registry.publisher, registry.plain_publisher]
    assert registry.recoverable() == always
    rare = [registry.getter(b'q'), registry.requester, registry.transactor]
    assert registry.getter(b'q') is rare[0]
    assert registry.requester is rare[1]
    assert registry.transactor is rare[2]
    assert registry.recoverable() == [*always, *rare]


def test_a_subscription_is_recovered_until_it_is_cancelled(registry: Registry) -> None:
    kept, cancelled = (subscription_of(Consumer(Queue('q'), None)) for _ in range(2))
    registry.add(kept)
    registry.add(cancelled)
    assert registry.recoverable()[-2:] == [kept, cancelled]
    cancelled.begin_cancel(None)
    registry.drop_cancelled()
    assert registry.recoverable()[-1] is kept


def publish(registry: Registry) -> None:
    registry.publisher.publish(Publication(Message(b''), b'', b''))


def declare_exchange(registry: Registry) -> None:
    registry.declarer.submit(Operation(declare(Exchange('ex')), lambda _error, _answer: None))


def fetch(registry: Registry) -> None:
    registry.getter(b'q').submit(Fetch(False, Ending()))


def ask(registry: Registry) -> None:
    registry.requester.submit(Request(Message(b'?'), b'server', None, Ending()))


def commit(registry: Registry) -> None:
    registry.transactor.submit(Commit([Publication(Message(b''), b'', b'')], Ending()))


@pytest.mark.parametrize(
    'call', [publish, declare_exchange, fetch, ask, commit], ids=lambda call: call.__name__
)
def test_an_answer_is_owed_until_it_comes_or_nobody_can_give_it(
    registry: Registry, call: Callable[[Registry], None]
) -> None:
    busy = [registry.busy]
    call(registry)
    busy.append(registry.busy)
    registry.fail_all(ConnectionDead('the end'))
    busy.append(registry.busy)
    assert busy == [False, True, False]


def test_at_the_end_all_consumers_are_cancelled(registry: Registry) -> None:
    subscription = subscription_of(Consumer(Queue('q'), None))
    registry.add(subscription)
    registry.fail_all(ConnectionDead('the end'))
    assert subscription.cancelled
    assert registry.subscriptions == []
