"""A transaction as programs see it: collected, and committed or forgotten once."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from coolamqp.api.transaction import TransactionCalls
from coolamqp.exceptions import CoolAMQPError
from coolamqp.framing.definitions import TxCommit
from coolamqp.objects import Message
from tests.api.support import RigCommands


class Transaction(TransactionCalls[Future[Any]]):
    def __init__(self) -> None:
        commands = RigCommands()
        super().__init__(commands)
        self.rig = commands.rig

    def give_up(self) -> None:
        """Stop waiting, as a Cluster does when the time runs out."""
        self._give_up()


def test_messages_are_sent_together_when_they_are_committed() -> None:
    tx = Transaction()
    broker = tx.rig.up()
    tx.publish(Message(b'a'), routing_key='q')
    tx.publish(Message(b'b'), 'ex', 'key', mandatory=True)
    assert broker.serve() == []
    future = tx.commit()
    broker.serve()
    published = [(each.body, each.exchange, each.mandatory) for each in broker.published]
    assert published == [(b'a', b'', False), (b'b', b'ex', True)]
    assert len(broker.said(TxCommit)) == 1
    assert future is not None
    assert future.result(0) is None


def test_a_message_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match='must be a Message'):
        Transaction().publish(b'none')  # type: ignore[arg-type]


def test_there_is_nothing_to_commit() -> None:
    tx = Transaction()
    assert tx.commit() is None
    assert not tx.rig.engine.owes_answers


def end_by_commit(tx: Transaction) -> None:
    tx.commit()


def end_by_roll_back(tx: Transaction) -> None:
    tx.roll_back()


@pytest.mark.parametrize('end', [end_by_commit, end_by_roll_back], ids=lambda end: end.__name__)
def test_a_transaction_that_has_ended_takes_nothing_more(end: Any) -> None:
    tx = Transaction()
    end(tx)
    with pytest.raises(CoolAMQPError, match='has ended'):
        tx.publish(Message(b'late'))


def test_a_transaction_that_is_rolled_back_publishes_nothing() -> None:
    tx = Transaction()
    tx.publish(Message(b'a'), routing_key='q')
    tx.roll_back()
    assert tx.commit() is None
    assert tx.rig.up().published == []


def test_a_commit_that_was_given_up_is_not_begun_any_more() -> None:
    tx = Transaction()
    tx.publish(Message(b'a'), routing_key='q')
    future = tx.commit()
    tx.give_up()
    broker = tx.rig.up()
    assert broker.published == []
    assert future is not None
    assert isinstance(future.exception(0), TimeoutError)


def test_giving_up_what_was_not_committed_does_nothing() -> None:
    Transaction().give_up()
