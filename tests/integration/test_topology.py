"""Declaring, binding and deleting; what the broker refuses fails alone."""

from __future__ import annotations

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from coolamqp.clustering import Cluster
from coolamqp.exceptions import AMQPError
from coolamqp.objects import Exchange, Message, Queue, QueueBind
from tests.conftest import MakeCluster
from tests.integration.support import PATIENCE, Collector, confirmed, consume

pytestmark = pytest.mark.integration


def publish(cluster: Cluster, exchange: Exchange | str, key: str, body: bytes) -> None:
    future = cluster.publish(Message(body), exchange, key, confirm=True)
    assert future is not None
    future.result(PATIENCE)


def test_a_declaration_that_is_refused_fails_alone(cluster: Cluster) -> None:
    cluster.declare(Queue('settled', durable=True)).result(PATIENCE)
    futures = [
        cluster.declare(Queue('before', durable=True)),
        cluster.declare(Queue('settled', durable=False)),
        cluster.declare(Exchange('between', b'fanout')),
        cluster.bind('nowhere', 'between', ''),
        cluster.declare(Queue('after', durable=True)),
    ]

    errors = [future.exception(PATIENCE) for future in futures]

    codes = [error.reply_code if isinstance(error, AMQPError) else error for error in errors]
    assert codes == [None, 406, None, 404, None]
    assert 'durable' in str(errors[1])
    assert cluster.connected


def test_a_publish_to_no_exchange_fails_alone(cluster: Cluster) -> None:
    collector = Collector()
    consume(cluster, Queue('many', auto_delete=True), collector)
    futures = []
    for number in range(1000):
        exchange = 'missing' if number == 500 else ''
        future = cluster.publish(Message(b'%d' % number), exchange, 'many', confirm=True)
        assert future is not None
        futures.append(future)

    errors = {n: future.exception(PATIENCE) for n, future in enumerate(futures)}

    failed = {number: error for number, error in errors.items() if error is not None}
    assert list(failed) == [500]
    assert isinstance(failed[500], AMQPError)
    assert failed[500].reply_code == 404
    collector.wait_until(
        lambda got: {m.body for m in got} == {b'%d' % n for n in range(1000) if n != 500},
        'all but the one',
    )


def test_a_plain_publish_to_no_exchange_disturbs_nothing(cluster: Cluster) -> None:
    collector = Collector()
    consume(cluster, Queue('plain', auto_delete=True), collector)
    assert cluster.publish(Message(b'lost'), 'missing', 'plain') is None
    confirmed(cluster, b'kept', 'plain').result(PATIENCE)

    collector.wait_for(1)
    assert collector.bodies == [b'kept']


def test_a_queue_full_that_rejects_fails_the_publish(cluster: Cluster) -> None:
    arguments = {'x-max-length': 1, 'x-overflow': 'reject-publish'}
    cluster.declare(Queue('full', arguments=arguments)).result(PATIENCE)
    confirmed(cluster, b'first', 'full').result(PATIENCE)

    error = confirmed(cluster, b'second', 'full').exception(PATIENCE)

    assert 'nack' in str(error)


def test_deleting(cluster: Cluster, pika_channel: BlockingChannel) -> None:
    queue = Queue('deleted')
    assert cluster.delete_queue(queue).result(PATIENCE) is None  # it does not exist
    cluster.declare(queue).result(PATIENCE)
    assert cluster.delete_queue(queue).result(PATIENCE) is None

    assert cluster.declare(Queue('deleted', durable=True)).result(PATIENCE) is None
    pika_channel.queue_declare('deleted', passive=True)


def test_a_queue_in_use_by_another_connection_alone_is_refused(
    cluster: Cluster, make_cluster: MakeCluster
) -> None:
    cluster.declare(Queue('mine', exclusive=True)).result(PATIENCE)
    other = make_cluster()
    other.start()

    error = other.declare(Queue('mine', exclusive=True)).exception(PATIENCE)
    _, consuming = other.consume(
        Queue('mine', exclusive=True), print, fail_on_first_time_resource_locked=True
    )

    for each in (error, consuming.exception(PATIENCE)):
        assert isinstance(each, AMQPError)
        assert each.reply_code == 405


def test_fanout_reaches_all(cluster: Cluster) -> None:
    news = Exchange('news', b'fanout', durable=False)
    collectors = [Collector() for _ in range(3)]
    for collector in collectors:
        consume(cluster, Queue(None, exchange=news), collector)

    publish(cluster, news, 'any', b'extra')

    for collector in collectors:
        (message,) = collector.wait_for(1)
        assert message.body == b'extra'
        assert message.exchange_name == b'news'
        assert message.routing_key == b'any'


def test_topics_are_told_apart(cluster: Cluster) -> None:
    logs = Exchange('logs', b'topic', durable=False)
    cluster.declare(logs).result(PATIENCE)
    errors, kernel = Collector(), Collector()
    errors_queue = Queue('errors', auto_delete=True)
    consume(cluster, errors_queue, errors)
    cluster.bind(errors_queue, logs, '*.error').result(PATIENCE)
    queue = Queue('kernel', auto_delete=True, exchange=logs, routing_key='kernel.#')
    consume(cluster, queue, kernel)

    for key in ('kernel.error', 'kernel.info', 'mail.error', 'mail.info', 'kernel'):
        publish(cluster, logs, key, key.encode())

    errors.wait_for(2)
    kernel.wait_for(3)
    assert errors.bodies == [b'kernel.error', b'mail.error']
    assert kernel.bodies == [b'kernel.error', b'kernel.info', b'kernel']


def test_a_queue_is_declared_with_its_exchange_and_binding(cluster: Cluster) -> None:
    exchange = Exchange('with-queue', b'direct')
    queue = Queue('bound', exchange=exchange, routing_key='here')
    cluster.declare(queue).result(PATIENCE)
    publish(cluster, exchange, 'here', b'arrives')

    collector = Collector()
    consume(cluster, Queue('bound'), collector)
    collector.wait_for(1)


def test_a_binding_with_arguments(cluster: Cluster) -> None:
    exchange = Exchange('by-header', b'headers')
    cluster.declare(exchange).result(PATIENCE)
    collector = Collector()
    consume(cluster, Queue('red', auto_delete=True), collector)
    arguments = {'x-match': 'all', 'colour': 'red'}
    cluster.declare(QueueBind('red', exchange, '', arguments)).result(PATIENCE)

    for colour in ('blue', 'red'):
        message = Message(colour.encode(), {'headers': {'colour': colour}})
        future = cluster.publish(message, exchange, confirm=True)
        assert future is not None
        future.result(PATIENCE)

    collector.wait_for(1)
    assert collector.bodies == [b'red']


def test_an_exchange_type_that_is_not_installed_costs_only_its_declaration(
    cluster: Cluster,
) -> None:
    """RabbitMQ closes the whole connection for it."""
    refused = cluster.declare(Exchange('strange', b'x-not-installed'))
    fine = cluster.declare(Queue('fine', exclusive=True))

    assert isinstance(refused.exception(PATIENCE), AMQPError)
    assert fine.result(PATIENCE) is None


def test_headers_that_do_not_fit_into_a_frame_cost_only_their_message(cluster: Cluster) -> None:
    too_large = confirmed(cluster, b'', 'nowhere', {'headers': {'x': b'x' * 140_000}})
    good = confirmed(cluster, b'', 'nowhere')

    assert isinstance(too_large.exception(PATIENCE), ValueError)
    assert good.result(PATIENCE) is None


def test_a_consumer_may_be_cancelled_after_the_shutdown(cluster: Cluster) -> None:
    consumer = consume(cluster, Queue(), print)
    cluster.shutdown()
    future = consumer.cancel()
    assert future.result(PATIENCE) is None
    assert consumer.cancelled
