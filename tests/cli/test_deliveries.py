"""The messages of a consumer, and their ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from coolamqp.broker import Broker
from coolamqp.cli.deliveries import Deliveries
from coolamqp.cli.errors import Failure
from coolamqp.cli.output import Output
from coolamqp.cli.session import Session
from coolamqp.cli.stop import Stop
from coolamqp.clustering import Cluster
from coolamqp.exceptions import AMQPError
from coolamqp.objects import Message, Queue


@pytest.fixture
def session(broker: Broker) -> Session:
    return Session('coolamqp test', broker.url, None, 10.0, Output(as_json=False))


@pytest.fixture
def cluster(session: Session) -> Iterator[Cluster]:
    with session.cluster() as cluster:
        cluster.declare(Queue('q', durable=True)).result(10)
        cluster.publish_many([Message(b'%d' % number) for number in range(5)], routing_key='q')
        cluster.wait_for_confirms(10)
        yield cluster


def test_it_ends_with_the_count_or_when_idle(session: Session, cluster: Cluster) -> None:
    with Stop() as stop:
        deliveries = Deliveries(session, cluster, 'q', stop)

        assert [each.body for each in deliveries.until(count=2)] == [b'0', b'1']
        assert [each.body for each in deliveries.until(idle=0.2)] == [b'2', b'3', b'4']


def test_it_ends_with_a_signal(session: Session, cluster: Cluster) -> None:
    with Stop() as stop:
        deliveries = Deliveries(session, cluster, 'q', stop)
        list(deliveries.until(count=5))
        main = threading.main_thread().ident
        assert main is not None
        timer = threading.Timer(0.05, signal.pthread_kill, [main, signal.SIGINT])
        timer.start()

        assert list(deliveries.until()) == []
        timer.join()


def test_a_deleted_queue_is_a_failure(
    session: Session, cluster: Cluster, capfd: pytest.CaptureFixture[str]
) -> None:
    with Stop() as stop:
        deliveries = Deliveries(session, cluster, 'q', stop)
        list(deliveries.until(count=5))
        cluster.delete_queue('q').result(10)

        with pytest.raises(Failure, match='the broker has cancelled the consumer of q'):
            list(deliveries.until())


def test_a_missing_queue_is_not_declared(
    session: Session, cluster: Cluster, broker: Broker
) -> None:
    with Stop() as stop, pytest.raises(AMQPError, match='404'):
        Deliveries(session, cluster, 'nowhere', stop)

    assert broker.queues() == ['q']
