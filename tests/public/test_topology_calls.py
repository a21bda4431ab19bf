"""Topology: unbinding, deleting, purging, asking, exchange to exchange, what is persistent."""

from __future__ import annotations

import pytest

from coolamqp.clustering import Cluster
from coolamqp.exceptions import AMQPError, Returned
from coolamqp.framing.definitions import QueueDeclareOk
from coolamqp.objects import Exchange, ExchangeBind, Message, Queue, QueueBind
from tests.conftest import MakeCluster
from tests.integration.support import PATIENCE, Collector, confirmed, consume
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration

SOURCE = Exchange('source', b'topic', durable=False, auto_delete=False)
TARGET = Exchange('target', b'fanout', durable=False, auto_delete=False)


def routed(cluster: Cluster, exchange: Exchange, key: str = 'key') -> bool:
    """Whether a message to an exchange reaches a queue."""
    future = cluster.publish(Message(b''), exchange, key, confirm=True, mandatory=True)
    error = future.exception(PATIENCE)
    if error is not None:
        assert isinstance(error, Returned)
    return error is None


def refusal(cluster: Cluster, queue: str) -> int:
    """Give the reply code with which a queue is refused to be looked up; 0 if it is there."""
    error = cluster.declare(Queue(queue), passive=True).exception(PATIENCE)
    return error.reply_code if isinstance(error, AMQPError) else 0


def test_a_queue_is_bound_and_unbound(cluster: Cluster) -> None:
    for subject in (SOURCE, Queue('q')):
        cluster.declare(subject).result(PATIENCE)
    cluster.bind('q', SOURCE, 'key', arguments={'x': 1}).result(PATIENCE)
    assert routed(cluster, SOURCE)

    cluster.unbind(Queue('q'), 'source', b'key', {'x': 1}).result(PATIENCE)

    assert not routed(cluster, SOURCE)
    assert cluster.unbind('q', SOURCE, 'key').result(PATIENCE) is None  # it was none


def test_exchanges_are_bound_to_each_other_and_unbound(cluster: Cluster) -> None:
    for subject in (SOURCE, TARGET, Queue('q'), QueueBind('q', TARGET, '')):
        cluster.declare(subject).result(PATIENCE)
    cluster.bind_exchange(TARGET, SOURCE, '#').result(PATIENCE)
    assert routed(cluster, SOURCE)
    cluster.unbind_exchange('target', 'source', '#').result(PATIENCE)
    assert not routed(cluster, SOURCE)

    cluster.declare(ExchangeBind(TARGET, SOURCE, 'k*')).result(PATIENCE)
    assert not routed(cluster, SOURCE, 'another')


def test_queues_are_deleted_under_conditions(cluster: Cluster) -> None:
    consume(cluster, Queue('used'), Collector())
    cluster.declare(Queue('full')).result(PATIENCE)
    confirmed(cluster, b'x', 'full').result(PATIENCE)

    for future in (
        cluster.delete_queue('used', if_unused=True),
        cluster.delete_queue('full', if_empty=True),
    ):
        error = future.exception(PATIENCE)
        assert isinstance(error, AMQPError)
        assert error.reply_code == 406

    assert cluster.purge('full').result(PATIENCE) == 1
    assert cluster.delete_queue('full', if_unused=True, if_empty=True).result(PATIENCE) is None
    assert refusal(cluster, 'full') == 404


def test_exchanges_are_deleted_under_a_condition(cluster: Cluster) -> None:
    for subject in (SOURCE, Queue('q'), QueueBind('q', SOURCE, '#')):
        cluster.declare(subject).result(PATIENCE)

    error = cluster.delete_exchange(SOURCE, if_unused=True).exception(PATIENCE)
    assert isinstance(error, AMQPError)
    assert error.reply_code == 406
    assert cluster.delete_exchange('source').result(PATIENCE) is None
    assert cluster.delete_exchange('source').result(PATIENCE) is None
    assert isinstance(cluster.declare(SOURCE, passive=True).exception(PATIENCE), AMQPError)


def test_declaring_passively_asks_and_makes_nothing(cluster: Cluster) -> None:
    assert refusal(cluster, 'q') == 404
    cluster.declare(Queue('q')).result(PATIENCE)
    confirmed(cluster, b'x', 'q').result(PATIENCE)

    answer = cluster.declare(Queue('q'), passive=True).result(PATIENCE)

    assert answer == QueueDeclareOk(b'q', 1, 0)
    assert refusal(cluster, 'q') == 0
    with pytest.raises(ValueError, match='nothing to be persistent'):
        cluster.declare(Queue('q'), persistent=True, passive=True)
    with pytest.raises(TypeError, match='only a Queue or Exchange'):
        cluster.declare(QueueBind('q', 'source', ''), passive=True)


def test_purging_a_queue_that_is_not_there_is_refused(cluster: Cluster) -> None:
    error = cluster.purge('missing').exception(PATIENCE)
    assert isinstance(error, AMQPError)
    assert error.reply_code == 404


def test_what_is_persistent_is_restored_and_what_was_undone_is_not(
    make_cluster: MakeCluster, cluster: Cluster, proxy: FaultProxy
) -> None:
    """All of it is deleted behind the back of the first cluster, whose connection is cut then."""
    first = make_cluster(host=proxy.host, port=proxy.port)
    first.start()
    for subject in (SOURCE, TARGET, Queue('kept'), Queue('deleted')):
        first.declare(subject, persistent=True).result(PATIENCE)
    first.bind('kept', TARGET, '', persistent=True).result(PATIENCE)
    first.bind('kept', SOURCE, 'undone', persistent=True).result(PATIENCE)
    first.bind_exchange(TARGET, SOURCE, 'key', persistent=True).result(PATIENCE)
    first.bind_exchange(TARGET, SOURCE, 'undone', persistent=True).result(PATIENCE)
    first.unbind('kept', SOURCE, 'undone').result(PATIENCE)
    first.unbind_exchange(TARGET, SOURCE, 'undone').result(PATIENCE)
    first.delete_queue('deleted').result(PATIENCE)
    for name in ('source', 'target'):
        cluster.delete_exchange(name).result(PATIENCE)
    cluster.delete_queue('kept').result(PATIENCE)
    proxy.cut()

    assert confirmed(first, b'', 'kept').result(PATIENCE) is None  # so it is restored
    assert routed(first, SOURCE, 'key')
    assert not routed(first, SOURCE, 'undone')
    assert refusal(first, 'deleted') == 404


def test_an_alternate_exchange_gets_what_the_other_cannot_route(cluster: Cluster) -> None:
    collector = Collector()
    consume(cluster, Queue('rest', exchange=TARGET), collector)
    main = Exchange('main', arguments={'alternate-exchange': 'target'})
    cluster.declare(main).result(PATIENCE)

    assert routed(cluster, main, 'unknown')

    collector.wait_for(1)


def test_what_makes_no_sense_is_refused_at_once(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match='queue is 300 bytes long'):
        cluster.purge('x' * 300)
    with pytest.raises(ValueError, match='exchange is 300 bytes long'):
        cluster.bind_exchange('x' * 300, 'source')
    with pytest.raises(TypeError, match='persistent must be True or False'):
        cluster.declare(Queue('q'), persistent='yes')  # type: ignore[arg-type]
