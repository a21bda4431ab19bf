"""The methods about the channel itself, and its modes."""

from __future__ import annotations

import pytest

from coolamqp.framing.definitions import (
    ConfirmSelect,
    TxCommit,
    TxRollback,
    TxSelect,
)
from coolamqp.framing.method import Method
from tests.broker.rig import Client


def test_a_channel_has_confirms_or_transactions(client: Client) -> None:
    client.call(TxSelect())
    client.call(TxSelect())
    assert client.refused(ConfirmSelect())[0] == 406
    client.open_channel(1)
    client.call(ConfirmSelect())
    assert client.refused(TxSelect())[0] == 406


@pytest.mark.parametrize('method', [TxCommit(), TxRollback()])
def test_a_transaction_begins_with_its_selection(client: Client, method: Method) -> None:
    assert client.refused(method)[0] == 406
    client.open_channel(1)
    client.call(TxSelect())
    client.call(method)
    client.call(method)
