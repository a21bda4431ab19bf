"""Publishing: what returns, what is refused, bounds and time-outs, many at once, transactions."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from typing import Any

import pytest

from coolamqp.clustering import Cluster
from coolamqp.exceptions import AMQPError, ConnectionDead, CoolAMQPError, MessageRefused, Returned
from coolamqp.objects import Exchange, Message, Queue
from tests.conftest import MakeCluster
from tests.integration.support import PATIENCE, SHORT, Signals, await_event, confirmed
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration


def count(cluster: Cluster, queue: str) -> Any:
    """Give how many messages a queue has."""
    return cluster.declare(Queue(queue), passive=True).result(PATIENCE).message_count


# Mandatory messages


def test_a_mandatory_message_that_no_queue_takes_comes_back_in_the_exception(
    cluster: Cluster,
) -> None:
    properties = {'headers': {'n': 1, 'deep': [1, {'x': None}]}, 'message_id': 'm', 'timestamp': 5}
    message = Message(b'lost', properties)
    future = cluster.publish(message, '', 'nowhere', confirm=True, mandatory=True)

    error = future.exception(PATIENCE)

    assert isinstance(error, Returned)
    assert (error.reply_code, error.reply_text) == (312, b'NO_ROUTE')
    assert error.message.body == b'lost'
    assert error.message.routing_key == b'nowhere'
    assert error.message.properties.message_id == b'm'
    assert error.message.headers == {'n': 1, 'deep': [1, {'x': None}]}
    assert 'nowhere' in str(error)


def test_a_message_comes_back_though_the_broker_has_taken_a_header_away(cluster: Cluster) -> None:
    message = Message(b'lost', {'headers': {'BCC': ['nowhere else'], 'k': 1}})

    future = cluster.publish(message, '', 'nowhere', confirm=True, mandatory=True)

    assert isinstance(future.exception(PATIENCE), Returned)


def test_of_many_mandatory_messages_only_those_fail_that_came_back(cluster: Cluster) -> None:
    cluster.declare(Queue('there', auto_delete=True)).result(PATIENCE)
    futures = [
        cluster.publish(
            Message(b'the same'), '', 'there' if n % 3 else 'nowhere', confirm=True, mandatory=True
        )
        for n in range(600)
    ]

    failed = [n for n, future in enumerate(futures) if future.exception(PATIENCE)]

    assert failed == list(range(0, 600, 3))
    assert count(cluster, 'there') == 400


def test_a_mandatory_message_without_confirm_comes_back_to_on_return(cluster: Cluster) -> None:
    came_back = Signals()
    cluster.on_return.add(came_back)

    cluster.publish(Message(b'lost'), '', 'nowhere', mandatory=True)

    ((error,),) = came_back.wait_for(1)
    assert isinstance(error, Returned)
    assert error.message.body == b'lost'


def test_without_mandatory_nothing_comes_back(cluster: Cluster) -> None:
    assert confirmed(cluster, b'lost', 'nowhere').result(PATIENCE) is None


# Refusals


def test_a_nack_of_the_broker_fails_its_message_only(cluster: Cluster) -> None:
    full = Queue('full', arguments={'x-max-length': 1, 'x-overflow': 'reject-publish'})
    cluster.declare(full).result(PATIENCE)
    confirmed(cluster, b'first', 'full').result(PATIENCE)

    futures = [confirmed(cluster, b'next', key) for key in ('full', 'elsewhere', 'full')]

    assert [type(future.exception(PATIENCE)) for future in futures] == [
        MessageRefused,
        type(None),
        MessageRefused,
    ]


# Bounds


def test_publish_waits_at_the_bound_and_raises_at_its_timeout(
    make_cluster: MakeCluster, proxy: FaultProxy
) -> None:
    cluster = make_cluster(host=proxy.host, port=proxy.port, max_unconfirmed=2)
    cluster.start()
    proxy.pause()
    held = [confirmed(cluster, b'held', 'nowhere') for _ in range(2)]
    with pytest.raises(TimeoutError, match='unconfirmed'):
        cluster.publish(Message(b'one more'), confirm=True, timeout=SHORT)
    with pytest.raises(TimeoutError, match='2 messages'):
        cluster.wait_for_confirms(SHORT)
    proxy.resume()

    cluster.publish(Message(b'goes'), confirm=True, timeout=PATIENCE).result(PATIENCE)
    assert all(future.done() for future in held)


def test_the_bound_on_bytes_holds_too(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(port=1, max_unconfirmed_bytes=10_000)
    cluster.start(wait=False)
    confirmed(cluster, bytes(20_000), 'nowhere')  # one is taken, whatever its size

    with pytest.raises(TimeoutError, match='unconfirmed'):
        cluster.publish(Message(b''), confirm=True, timeout=SHORT)


def test_who_waits_at_the_bound_is_released_by_a_shutdown(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(port=1, max_unconfirmed=1)
    cluster.start(wait=False)
    held = confirmed(cluster, b'held', 'nowhere')
    raised: list[BaseException] = []

    def publish() -> None:
        try:
            cluster.publish(Message(b'waits'), confirm=True)
        except ConnectionDead as error:
            raised.append(error)

    thread = threading.Thread(target=publish)
    thread.start()
    cluster.shutdown()
    thread.join(PATIENCE)

    assert len(raised) == 1
    assert isinstance(held.exception(PATIENCE), ConnectionDead)


def test_a_message_that_was_not_sent_can_be_cancelled(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(port=1)
    cluster.start(wait=False)
    future = confirmed(cluster, b'never', 'nowhere')

    assert future.cancel()

    with pytest.raises(CancelledError):
        future.result(PATIENCE)


# Many


def test_publish_many_publishes_in_order_to_one_address_or_to_several(cluster: Cluster) -> None:
    for name in ('a', 'b'):
        cluster.declare(Queue(name, auto_delete=True)).result(PATIENCE)
    numbered = (Message(b'%d' % n) for n in range(500))

    futures = cluster.publish_many([*numbered, (Message(b'other'), Exchange.direct, 'b')], '', 'a')

    assert [future.result(PATIENCE) for future in futures] == [None] * 501
    with cluster.messages(Queue('a', auto_delete=True), no_ack=True) as messages:
        assert [next(messages).body for _ in range(500)] == [b'%d' % n for n in range(500)]
    assert cluster.get('b').result(PATIENCE).body == b'other'


def test_publish_many_publishes_nothing_if_one_makes_no_sense(cluster: Cluster) -> None:
    cluster.declare(Queue('empty', auto_delete=True)).result(PATIENCE)
    with pytest.raises(TypeError, match='message must be a Message, not str'):
        cluster.publish_many([Message(b'fine'), 'not a message'], routing_key='empty')  # type: ignore[list-item]
    with pytest.raises(TypeError, match='an item must be a Message or'):
        cluster.publish_many([(Message(b'fine'), 'empty')])  # type: ignore[list-item]

    cluster.wait_for_confirms(PATIENCE)
    assert count(cluster, 'empty') == 0


def test_publish_many_ends_those_for_which_there_was_no_room(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(port=1, max_unconfirmed=3)
    cluster.start(wait=False)

    futures = cluster.publish_many([Message(b'')] * 5, timeout=SHORT)

    assert [future.done() for future in futures] == [False, False, False, True, True]
    assert all(isinstance(future.exception(), TimeoutError) for future in futures[3:])


def test_publish_many_without_confirm_gives_nothing_to_wait_for(cluster: Cluster) -> None:
    cluster.declare(Queue('plain', auto_delete=True)).result(PATIENCE)

    assert cluster.publish_many([Message(b'')] * 10, '', 'plain', confirm=False) == []

    confirmed(cluster, b'last', 'plain').result(PATIENCE)
    with cluster.messages(Queue('plain', auto_delete=True), no_ack=True) as messages:
        assert len([next(messages) for _ in range(11)]) == 11


def test_wait_for_confirms_waits_for_all_whatever_becomes_of_them(cluster: Cluster) -> None:
    futures = [
        cluster.publish(Message(b''), '', 'nowhere', confirm=True, mandatory=bool(n % 2))
        for n in range(200)
    ]

    cluster.wait_for_confirms(PATIENCE)

    assert all(future.done() for future in futures)


# Transactions


def publish_together(
    cluster: Cluster,
    *messages: tuple[str, bytes],
    exchange: str = '',
    raising: Exception | None = None,
) -> None:
    """Publish messages, each with its routing key, in a transaction that may raise at its end."""
    with cluster.transaction() as tx:
        for key, body in messages:
            tx.publish(Message(body), exchange, key, mandatory=True)
        if raising is not None:
            raise raising


def test_a_transaction_publishes_everything_on_leaving(cluster: Cluster) -> None:
    cluster.declare(Queue('ledger')).result(PATIENCE)
    with cluster.transaction() as tx:
        tx.publish(Message(b'debit'), routing_key='ledger')
        tx.publish(Message(b'credit'), routing_key='ledger')
        assert count(cluster, 'ledger') == 0

    assert [cluster.get('ledger').result(PATIENCE).body for _ in range(2)] == [b'debit', b'credit']
    with pytest.raises(CoolAMQPError, match='has ended'):
        tx.publish(Message(b'late'))


def test_a_transaction_that_raises_publishes_nothing(cluster: Cluster) -> None:
    cluster.declare(Queue('ledger')).result(PATIENCE)
    with pytest.raises(KeyError):
        publish_together(cluster, ('ledger', b'debit'), raising=KeyError())

    publish_together(cluster, ('ledger', b'another'))
    assert count(cluster, 'ledger') == 1


def test_a_transaction_that_is_refused_publishes_nothing_and_hurts_no_other(
    cluster: Cluster,
) -> None:
    cluster.declare(Queue('ledger')).result(PATIENCE)
    with pytest.raises(AMQPError, match='no exchange'):
        publish_together(cluster, ('ledger', b'debit'), ('ledger', b'credit'), exchange='missing')

    publish_together(cluster, ('ledger', b'fine'))
    assert cluster.get('ledger').result(PATIENCE).body == b'fine'
    assert cluster.get('ledger').result(PATIENCE) is None


def test_a_mandatory_message_of_a_transaction_comes_back_at_its_end(cluster: Cluster) -> None:
    cluster.declare(Queue('ledger')).result(PATIENCE)
    with pytest.raises(Returned) as raised:
        publish_together(cluster, ('ledger', b'taken'), ('nowhere', b'lost'))

    assert raised.value.message.body == b'lost'
    assert count(cluster, 'ledger') == 1


def test_a_transaction_that_was_not_sent_in_time_is_not_committed_later(
    make_cluster: MakeCluster, cluster: Cluster, proxy: FaultProxy
) -> None:
    cluster.declare(Queue('ledger')).result(PATIENCE)
    proxy.refuse()
    late = make_cluster(host=proxy.host, port=proxy.port)
    late.start(wait=False)
    tx = late.transaction(SHORT)
    tx.publish(Message(b'late'), routing_key='ledger')
    with pytest.raises(TimeoutError):
        tx.__exit__(None, None, None)
    proxy.accept()

    with late.transaction(PATIENCE) as tx:
        tx.publish(Message(b'in time'), routing_key='ledger')
    assert cluster.get('ledger').result(PATIENCE).body == b'in time'


def test_transactions_of_many_threads_do_not_mix(cluster: Cluster) -> None:
    cluster.declare(Queue('ledger')).result(PATIENCE)
    done = [threading.Event() for _ in range(4)]

    def work(number: int) -> None:
        for _ in range(10):
            with cluster.transaction(PATIENCE) as tx:
                for _ in range(3):
                    tx.publish(Message(b'%d' % number), routing_key='ledger')
        done[number].set()

    for number in range(4):
        threading.Thread(target=work, args=(number,), daemon=True).start()
    for event in done:
        await_event(event, 'all transactions')

    with cluster.messages(Queue('ledger'), no_ack=True) as messages:
        bodies = [next(messages).body for _ in range(120)]
    assert [bodies[n : n + 3] for n in range(0, 120, 3)] == [[body] * 3 for body in bodies[::3]]
