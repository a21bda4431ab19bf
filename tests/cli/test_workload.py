"""The publishers and consumers of a benchmark."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.broker import Broker
from coolamqp.cli import workload
from coolamqp.cli.errors import Failure
from coolamqp.cli.output import Output
from coolamqp.cli.session import Session
from coolamqp.cli.stop import Stop
from coolamqp.cli.workload import Plan, Workload
from coolamqp.clustering import Cluster
from coolamqp.exceptions import MessageRefused
from coolamqp.objects import Queue

PLAN: dict[str, Any] = {
    'publishers': 2, 'consumers': 2, 'size': 50, 'duration': 0.2, 'rate': None, 'confirm': True,
    'unconfirmed': 50, 'prefetch': 10, 'persistent': False,
}  # fmt: skip


def run(broker: Broker, arguments: dict[str, Any] | None = None, **changes: Any) -> Workload:
    with Cluster(broker.url) as cluster:
        cluster.declare(Queue('q', durable=True, arguments=arguments)).result(10)
    session = Session('coolamqp test', broker.url, None, 10.0, Output(as_json=False))
    work = Workload(session, Plan(**{**PLAN, **changes}), 'q')
    with Stop() as stop:
        work.run(stop)
    assert work.consumed_in >= work.published_in >= 0.2
    return work


def test_what_is_published_is_consumed(broker: Broker, no_leaks: None) -> None:
    work = run(broker)

    assert work.published == work.consumed > 0
    assert all(worker.count for worker in work.publishers)
    assert sum(len(worker.latencies) for worker in work.publishers) == work.published
    assert sum(len(worker.latencies) for worker in work.consumers) == work.consumed
    assert broker.queue('q').is_empty


def test_a_rate_is_a_limit(broker: Broker) -> None:
    assert run(broker, rate=50.0).published <= 2 * (50 * 0.2 + 2)


def test_without_consumers_messages_stay(broker: Broker) -> None:
    work = run(broker, consumers=0, confirm=False)

    broker.wait_until(lambda: len(broker.queue('q')) == work.published)
    assert len(broker.queue('q').bodies[0]) == 50


def test_lost_messages_are_reported(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workload, 'REST_TIMEOUT', 0.3)

    with pytest.raises(Failure, match='did not come back'):
        run(broker, {'x-max-length': 1}, prefetch=1, unconfirmed=1000)


def test_refusals_are_reported(broker: Broker) -> None:
    with pytest.raises(MessageRefused):
        run(broker, {'x-max-length': 1, 'x-overflow': 'reject-publish'}, consumers=0, rate=20.0)
