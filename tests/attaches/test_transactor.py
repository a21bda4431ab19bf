"""Transactions: committed one after the other, refused alone."""

from __future__ import annotations

import pytest

from coolamqp.attaches.publication import Publication
from coolamqp.attaches.transactor import Commit
from coolamqp.exceptions import AMQPError, ConnectionDead, Returned
from coolamqp.framing.definitions import (
    BasicPublish,
    ConnectionTune,
    TxCommit,
    TxCommitOk,
    TxSelect,
)
from coolamqp.framing.method import Method
from coolamqp.objects import Message
from tests.support.ending import Ending
from tests.support.rig import Rig


def publication(body: bytes, exchange: bytes = b'', *, mandatory: bool = False) -> Publication:
    return Publication(Message(body), exchange, b'key', mandatory)


def refuse_exchange(method: Method) -> int:
    """Refuse what is published to the exchange "gone"."""
    return 404 if isinstance(method, BasicPublish) and method.exchange == b'gone' else 0


def test_each_transaction_without_a_channel_fails_at_once() -> None:
    rig = Rig()
    rig.up(ConnectionTune(3, 0, 0))
    for _ in range(2):
        promise = rig.commit()
        rig.carry_out()
        assert 'all 3 channels' in str(promise.error)


def test_a_transaction_is_published_and_committed() -> None:
    rig = Rig()
    broker = rig.up()
    promise = rig.commit(publication(b'1'), publication(b'2'))
    assert [method.NAME for method in broker.serve()][-4:] == [
        'tx.select',
        'basic.publish',
        'basic.publish',
        'tx.commit',
    ]
    assert promise.ends == [None]
    assert [each.body for each in broker.published] == [b'1', b'2']
    assert not rig.engine.owes_answers


def test_transactions_are_committed_one_after_the_other() -> None:
    rig = Rig()
    broker = rig.up()
    broker.unanswered.add('tx.commit')
    promises = [rig.commit(publication(b'%d' % n)) for n in range(2)]
    broker.serve()
    assert [each.body for each in broker.published] == [b'0']
    broker.send(broker.channel_of(TxCommit), TxCommitOk())
    broker.serve()
    assert [each.body for each in broker.published] == [b'0', b'1']
    assert [promise.done() for promise in promises] == [True, False]
    assert len(broker.said(TxSelect)) == 1


def test_a_transaction_that_is_refused_fails_alone() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = refuse_exchange
    refused = rig.commit(publication(b'1', b'gone'))
    fine = rig.commit(publication(b'2'))
    broker.serve()
    assert isinstance(refused.ends[0], AMQPError)
    assert fine.ends == [None]


def test_a_commit_that_is_not_answered_is_not_repeated() -> None:
    rig = Rig()
    broker = rig.up()
    broker.unanswered.add('tx.commit')
    unknown, waiting = rig.commit(publication(b'1')), rig.commit(publication(b'2'))
    broker.serve()
    broker = rig.reconnect()
    with pytest.raises(ConnectionDead, match='in the middle of a commit'):
        unknown.result()
    assert waiting.ends == [None]
    assert [each.body for each in broker.published] == [b'2']


def test_a_mandatory_message_that_comes_back_fails_the_commit() -> None:
    rig = Rig()
    broker = rig.up()
    broker.unanswered.add('tx.commit')
    promise = rig.commit(publication(b'1', mandatory=True), publication(b'2', mandatory=True))
    broker.serve()
    for published in broker.published:
        broker.give_back(published)
    broker.send(broker.channel_of(TxCommit), TxCommitOk())
    error = promise.ends[0]
    assert isinstance(error, Returned)
    assert error.message.body == b'1'


def test_a_broker_without_transactions() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = lambda method: 540 if isinstance(method, TxSelect) else 0
    promises = [rig.commit(publication(b'%d' % n)) for n in range(2)]
    broker.serve()
    assert all(isinstance(promise.ends[0], AMQPError) for promise in promises)


def test_properties_that_fit_into_no_frame_fail_their_transaction() -> None:
    rig = Rig()
    broker = rig.up(ConnectionTune(0, 4096, 60))
    message = Message(b'', {'headers': {'x': 'y' * 5000}})
    too_large = rig.commit(publication(b'1'), Publication(message, b'', b'key'))
    fine = rig.commit(publication(b'2'))
    broker.serve()
    rig.carry_out()
    assert isinstance(too_large.ends[0], ValueError)
    assert fine.ends == [None]
    assert [each.body for each in broker.published] == [b'2']


def test_the_end_of_the_engine_ends_transactions() -> None:
    rig = Rig()
    broker = rig.up()
    broker.unanswered.add('tx.commit')
    promises = [rig.commit(publication(b'%d' % n)) for n in range(2)]
    broker.serve()
    rig.engine.stop(rig.clock.now)
    rig.advance(20)
    assert all(isinstance(promise.ends[0], ConnectionDead) for promise in promises)


def test_a_transaction_that_was_given_up_is_not_begun() -> None:
    rig = Rig()
    promises = [Ending(), Ending()]
    commits = [Commit([publication(b'%d' % n)], promise) for n, promise in enumerate(promises)]
    for commit in commits:
        rig.engine.commit(commit)
    commits[0].wanted = False
    broker = rig.up()
    assert [each.body for each in broker.published] == [b'1']
    with pytest.raises(TimeoutError, match='given up'):
        promises[0].result()
    assert promises[1].ends == [None]
