"""The methods of the classes channel, access, confirm and tx."""

from __future__ import annotations

from typing import ClassVar, Final

from coolamqp.broker.errors import Refusal
from coolamqp.broker.publishing import CONFIRMS, TRANSACTIONS, Publishing
from coolamqp.broker.request_group import Handlers, RequestGroup
from coolamqp.framing.definitions import (
    AccessRequest,
    AccessRequestOk,
    ChannelFlow,
    ChannelFlowOk,
    ChannelOpen,
    ConfirmSelect,
    ConfirmSelectOk,
    TxCommit,
    TxCommitOk,
    TxRollback,
    TxRollbackOk,
    TxSelect,
    TxSelectOk,
)
from coolamqp.framing.method import Method
from coolamqp.reply_codes import CHANNEL_ERROR, NOT_IMPLEMENTED, PRECONDITION_FAILED

_TICKET: Final = 1


class ModeRequests(RequestGroup):
    """Answers the methods of the classes channel, access, confirm and tx on one channel."""

    def __init__(self, publishing: Publishing) -> None:
        self._publishing = publishing

    # Channel

    def _access_request(self, _method: AccessRequest) -> Method:
        return AccessRequestOk(_TICKET)

    def _channel_open(self, _method: ChannelOpen) -> Method:
        raise Refusal(CHANNEL_ERROR, "second 'channel.open' seen")

    def _channel_flow(self, method: ChannelFlow) -> Method:
        if not method.active:
            raise Refusal(NOT_IMPLEMENTED, 'active=false')
        return ChannelFlowOk(True)

    # Modes of publishing

    def _confirm_select(self, _method: ConfirmSelect) -> Method:
        if self._publishing.mode == TRANSACTIONS:
            raise Refusal(PRECONDITION_FAILED, 'cannot switch from tx to confirm mode')
        self._publishing.mode = CONFIRMS
        return ConfirmSelectOk()

    def _tx_select(self, _method: TxSelect) -> Method:
        if self._publishing.mode == CONFIRMS:
            raise Refusal(PRECONDITION_FAILED, 'cannot switch from confirm to tx mode')
        self._publishing.mode = TRANSACTIONS
        return TxSelectOk()

    def _tx_commit(self, _method: TxCommit) -> Method:
        self._check_transactions()
        self._publishing.commit()
        return TxCommitOk()

    def _tx_rollback(self, _method: TxRollback) -> Method:
        self._check_transactions()
        self._publishing.rollback()
        return TxRollbackOk()

    def _check_transactions(self) -> None:
        if self._publishing.mode != TRANSACTIONS:
            raise Refusal(PRECONDITION_FAILED, 'channel is not transactional')

    _HANDLERS: ClassVar[Handlers] = {
        AccessRequest: _access_request,
        ChannelOpen: _channel_open,
        ChannelFlow: _channel_flow,
        ConfirmSelect: _confirm_select,
        TxSelect: _tx_select,
        TxCommit: _tx_commit,
        TxRollback: _tx_rollback,
    }
