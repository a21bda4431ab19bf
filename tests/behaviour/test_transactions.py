"""Transactions: tx.select, tx.commit and tx.rollback."""

from __future__ import annotations

import pytest

from coolamqp.framing.definitions import (
    BasicAck,
    TxCommit,
    TxCommitOk,
    TxRollback,
    TxRollbackOk,
    TxSelect,
    TxSelectOk,
)
from coolamqp.framing.method import Method
from tests.behaviour.client import RawChannel, RawConnection
from tests.behaviour.texts import missing_exchange, precondition_failed


@pytest.fixture
def tx(connection: RawConnection, channel: RawChannel) -> RawChannel:
    """A transactional channel, beside a queue `q`."""
    channel.queue('q')
    transactional = connection.channel()
    assert transactional.call(TxSelect()) == TxSelectOk()
    return transactional


@pytest.mark.parametrize('method', [TxCommit(), TxRollback()], ids=lambda each: str(each.NAME))
def test_a_channel_without_transactions(channel: RawChannel, method: Method) -> None:
    assert channel.refused(method) == precondition_failed('channel is not transactional')


def test_selecting_twice(tx: RawChannel) -> None:
    assert tx.call(TxSelect()) == TxSelectOk()


def test_an_empty_transaction(tx: RawChannel) -> None:
    assert tx.call(TxCommit()) == TxCommitOk()
    assert tx.call(TxRollback()) == TxRollbackOk()


def test_messages_are_published_at_the_commit(channel: RawChannel, tx: RawChannel) -> None:
    channel.consume('q', no_ack=True)
    tx.publish(b'1', routing_key='q')
    tx.publish(b'2', routing_key='q')
    tx.expect_nothing()
    channel.expect_nothing('q')

    tx.call(TxCommit())

    assert channel.next_bodies(2) == [b'1', b'2']


def test_a_commit_is_answered_when_the_messages_are_there(
    channel: RawChannel, tx: RawChannel
) -> None:
    tx.publish(b'1', routing_key='q', delivery_mode=2)

    tx.call(TxCommit())

    assert channel.count('q') == 1


def test_a_rollback_drops_the_messages(channel: RawChannel, tx: RawChannel) -> None:
    tx.publish(b'1', routing_key='q')
    tx.call(TxRollback())
    tx.publish(b'2', routing_key='q')

    tx.call(TxCommit())

    assert channel.bodies('q') == [b'2']


def test_closing_the_channel_drops_the_messages(channel: RawChannel, tx: RawChannel) -> None:
    tx.publish(b'1', routing_key='q')

    tx.close()

    assert channel.bodies('q') == []


def test_acknowledgements_count_at_the_commit(channel: RawChannel, tx: RawChannel) -> None:
    channel.put('q', b'1', b'2', b'3')
    for _ in range(3):
        tx.must_get('q')
    tx.ack(1)
    tx.call(TxCommit())
    tx.ack(2)

    tx.close()

    assert [channel.await_get('q').body for _ in range(2)] == [b'2', b'3']


def test_a_rollback_undoes_acknowledgements(channel: RawChannel, tx: RawChannel) -> None:
    channel.put('q', b'1', b'2')
    tx.must_get('q')
    tx.must_get('q')
    tx.ack(1)
    tx.reject(2)
    tx.call(TxRollback())

    # The messages are unacknowledged again, and not redelivered.
    assert channel.count('q') == 0
    tx.ack(1)
    tx.reject(2, requeue=True)
    tx.call(TxCommit())
    assert channel.bodies('q') == [b'2']


def test_rejections_count_at_the_commit(channel: RawChannel, tx: RawChannel) -> None:
    channel.put('q', b'1', b'2')
    tx.must_get('q')
    tx.nack(1, requeue=True)
    assert channel.count('q') == 1

    tx.call(TxCommit())

    assert channel.bodies('q') == [b'1', b'2']


def test_an_unknown_delivery_tag_is_refused_at_once(channel: RawChannel, tx: RawChannel) -> None:
    assert tx.refused(BasicAck(1)) == precondition_failed('unknown delivery tag 1')


def test_a_missing_exchange_is_refused_at_once(tx: RawChannel, vhost: str) -> None:
    assert tx.refused_publish(b'', 'missing') == missing_exchange('missing', vhost)


def test_an_error_rolls_back(channel: RawChannel, tx: RawChannel) -> None:
    tx.publish(b'1', routing_key='q')
    tx.refused(BasicAck(5))

    assert channel.bodies('q') == []


def test_a_mandatory_message_is_returned_at_the_commit(tx: RawChannel) -> None:
    tx.publish(b'1', 'amq.direct', 'key', mandatory=True)
    tx.expect_nothing()

    tx.send(TxCommit())

    assert tx.expect_return().body == b'1'
    assert tx.expect(TxCommitOk) == TxCommitOk()


def test_consuming_and_getting_are_not_transactional(channel: RawChannel, tx: RawChannel) -> None:
    tx.consume('q')
    channel.put('q', b'1')
    message = tx.next_message()
    assert message.body == b'1'

    tx.call(TxRollback())

    tx.expect_nothing('q')
