"""Fetching single messages, and requests with their replies."""

from __future__ import annotations

import threading

import pytest

from coolamqp.clustering import Cluster
from coolamqp.exceptions import AMQPError, ConnectionDead, Returned
from coolamqp.objects import Message, Queue, ReceivedMessage
from tests.conftest import MakeCluster
from tests.integration.support import PATIENCE, SHORT, Collector, confirmed, consume
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration


def fill(cluster: Cluster, queue: str, *bodies: bytes) -> None:
    """Declare a queue and put messages into it."""
    cluster.declare(Queue(queue)).result(PATIENCE)
    for future in cluster.publish_many([Message(body) for body in bodies], routing_key=queue):
        future.result(PATIENCE)


def fetch(cluster: Cluster, queue: str) -> ReceivedMessage:
    """Fetch a message that is there."""
    message = cluster.get(queue).result(PATIENCE)
    assert isinstance(message, ReceivedMessage)
    return message


# get


def test_get_gives_one_message_or_none(cluster: Cluster) -> None:
    fill(cluster, 'q', b'only')

    message = fetch(cluster, 'q')

    assert (message.body, message.routing_key, message.exchange_name) == (b'only', b'q', b'')
    assert (message.redelivered, message.consumer_tag) == (False, None)
    assert cluster.get(Queue('q')).result(PATIENCE) is None
    message.ack()


def test_what_was_got_can_be_acked_put_back_or_rejected(cluster: Cluster) -> None:
    fill(cluster, 'q', b'put back', b'rejected', b'acked')

    fetch(cluster, 'q').nack()
    again = fetch(cluster, 'q')
    assert (again.body, again.redelivered) == (b'put back', True)
    again.ack()
    fetch(cluster, 'q').reject()
    fetch(cluster, 'q').ack()

    assert cluster.purge('q').result(PATIENCE) == 0
    assert cluster.get('q').result(PATIENCE) is None


def test_get_without_ack_leaves_nothing_to_settle(cluster: Cluster) -> None:
    fill(cluster, 'q', b'gone')

    message = cluster.get('q', no_ack=True).result(PATIENCE)

    assert (message.body, message.delivery_tag) == (b'gone', None)
    message.nack()
    assert cluster.get('q').result(PATIENCE) is None


def test_getting_from_a_queue_that_is_not_there_disturbs_no_other(cluster: Cluster) -> None:
    fill(cluster, 'q', b'kept')
    kept = fetch(cluster, 'q')

    error = cluster.get('missing').exception(PATIENCE)

    assert isinstance(error, AMQPError)
    assert error.reply_code == 404
    kept.ack()
    assert cluster.get('q').result(PATIENCE) is None  # it was not put back
    cluster.declare(Queue('missing')).result(PATIENCE)
    assert cluster.get('missing').result(PATIENCE) is None


def test_getting_from_a_stream_is_refused_once(cluster: Cluster) -> None:
    """RabbitMQ closes the whole connection for it, which must not go on for ever."""
    stream = Queue('stream', durable=True, arguments={'x-queue-type': 'stream'})
    cluster.declare(stream).result(PATIENCE)

    error = cluster.get(stream).exception(PATIENCE)

    assert isinstance(error, AMQPError)
    assert error.reply_code == 540
    confirmed(cluster, b'x', 'stream').result(PATIENCE)
    assert len(cluster.faults) == 1


def test_many_gets_at_once_are_answered_in_order(cluster: Cluster) -> None:
    fill(cluster, 'q', *(b'%d' % n for n in range(100)))

    futures = [cluster.get('q', no_ack=True) for _ in range(101)]

    messages = [future.result(PATIENCE) for future in futures]
    assert [message.body for message in messages[:100]] == [b'%d' % n for n in range(100)]
    assert messages[100] is None


def test_a_get_survives_a_lost_connection(make_cluster: MakeCluster, proxy: FaultProxy) -> None:
    cluster = make_cluster(host=proxy.host, port=proxy.port)
    cluster.start()
    fill(cluster, 'q', b'found')
    held = fetch(cluster, 'q')
    proxy.cut()

    again = fetch(cluster, 'q')

    assert (again.body, again.redelivered) == (b'found', True)
    held.ack()  # a no-op: the broker has put it back
    again.ack()


def test_an_anonymous_queue_cannot_be_got_from(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match='a queue with a name'):
        cluster.get(Queue())


# call and reply


def upper(message: ReceivedMessage) -> None:
    message.reply(message.body.upper(), {'app_id': 'upper'})
    message.ack()


def test_a_call_brings_the_reply(cluster: Cluster) -> None:
    consume(cluster, Queue('upper'), upper, no_ack=False)

    reply = cluster.call(b'hello', 'upper').result(PATIENCE)

    assert (reply.body, reply.properties.app_id) == (b'HELLO', b'upper')


def test_a_thousand_calls_at_once(cluster: Cluster, make_cluster: MakeCluster) -> None:
    server = make_cluster()
    server.start()
    consume(server, Queue('upper'), upper, no_ack=False, prefetch=100, workers=4)

    futures = [cluster.call(b'call %d' % n, 'upper') for n in range(1000)]

    replies = [future.result(PATIENCE).body for future in futures]
    assert replies == [b'CALL %d' % n for n in range(1000)]


def test_a_call_may_carry_properties(cluster: Cluster) -> None:
    requests = Collector(upper)
    consume(cluster, Queue('upper'), requests, no_ack=False)

    cluster.call(Message(b'x', {'headers': {'a': 1}}), 'upper').result(PATIENCE)

    assert requests.messages[0].headers == {'a': 1}


def test_a_call_to_no_queue_fails_at_once(cluster: Cluster) -> None:
    assert isinstance(cluster.call(b'', 'nowhere').exception(PATIENCE), Returned)


def test_a_call_that_is_not_answered_ends_at_its_timeout(cluster: Cluster) -> None:
    cluster.declare(Queue('silent')).result(PATIENCE)

    error = cluster.call(b'', 'silent', timeout=SHORT).exception(PATIENCE)

    assert isinstance(error, TimeoutError)
    assert str(SHORT) in str(error)
    late = fetch(cluster, 'silent')
    late.reply(b'too late').result(PATIENCE)  # heeded by nobody
    assert cluster.connected


def test_a_call_ends_when_the_connection_is_lost_before_the_reply(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    cluster = make_cluster(host=proxy.host, port=proxy.port)
    cluster.start()
    requests = Collector()
    consume(cluster, Queue('silent'), requests)
    future = cluster.call(b'', 'silent')
    requests.wait_for(1)
    proxy.cut()

    assert isinstance(future.exception(PATIENCE), ConnectionDead)
    consume(cluster, Queue('upper'), upper, no_ack=False)
    assert cluster.call(b'again', 'upper').result(PATIENCE).body == b'AGAIN'


def test_only_a_message_that_asks_can_be_replied_to(cluster: Cluster) -> None:
    confirmed(cluster, b'', 'nowhere').result(PATIENCE)
    fill(cluster, 'q', b'no question')
    with pytest.raises(ValueError, match='no reply_to'):
        fetch(cluster, 'q').reply(b'')
    with pytest.raises(RuntimeError, match='did not come from a Cluster'):
        ReceivedMessage(b'', b'', b'', Message.Properties(reply_to='x')).reply(b'')


def test_calls_of_many_threads(cluster: Cluster) -> None:
    consume(cluster, Queue('upper'), upper, no_ack=False, prefetch=50)
    wrong: list[bytes] = []

    def work(number: int) -> None:
        for n in range(50):
            body = b'%d of %d' % (n, number)
            if cluster.call(body, 'upper').result(PATIENCE).body != body.upper():
                wrong.append(body)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert wrong == []
    assert not any(thread.is_alive() for thread in threads)
