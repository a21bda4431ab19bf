"""The methods of a channel, and their answers."""

from __future__ import annotations

import pytest

from coolamqp.broker.users import Permissions
from coolamqp.framing.definitions import (
    METHODS,
    AccessRequest,
    BasicCancel,
    BasicConsume,
    BasicGet,
    BasicGetOk,
    BasicQos,
    BasicRecover,
    ChannelCloseOk,
    ChannelFlow,
    ChannelOpen,
    ConfirmSelect,
    ExchangeBind,
    ExchangeDeclare,
    ExchangeDelete,
    QueueBind,
    QueueDeclare,
    QueueDelete,
    QueuePurge,
    TxCommit,
    TxRollback,
)
from coolamqp.framing.method import Method
from tests.broker.rig import Client, Rig


def test_methods_without_effect_are_answered(client: Client) -> None:
    for method in (
        AccessRequest('/data', False, False, True, True, True),
        ChannelFlow(True),
        BasicQos(0, 5, False),
        BasicRecover(True),
        BasicCancel('unknown'),
    ):
        assert client.call(method) is not None


@pytest.mark.parametrize(
    ('method', 'code'),
    [
        (ChannelOpen(), 504),
        (ChannelFlow(False), 540),
        (BasicQos(1, 0, False), 540),
        (BasicRecover(False), 540),
        (TxCommit(), 406),
        (TxRollback(), 406),
        (BasicGet('missing'), 404),
        (BasicConsume('missing'), 404),
        (BasicConsume(''), 404),
        (QueuePurge('missing'), 404),
        (QueueBind('missing', 'amq.direct', ''), 404),
        (ExchangeBind('missing', 'amq.direct', ''), 404),
        (ExchangeDeclare('missing', passive=True), 404),
        (QueueDeclare('missing', passive=True), 404),
        (QueueDeclare('amq.rabbitmq.reply-to.nobody', passive=True), 404),
        (BasicConsume('amq.rabbitmq.reply-to'), 406),
    ],
)
def test_what_cannot_be_is_refused(client: Client, method: Method, code: int) -> None:
    assert client.refused(method)[0] == code


def test_without_wait_there_is_no_answer(rig: Rig, client: Client) -> None:
    client.send(
        ExchangeDeclare('x', 'fanout', no_wait=True),
        QueueDeclare('q', no_wait=True),
        QueueBind('q', 'x', '', no_wait=True),
        BasicConsume('q', 'tag', no_wait=True),
        BasicCancel('tag', no_wait=True),
        QueuePurge('q', no_wait=True),
        ConfirmSelect(no_wait=True),
        QueueDelete('q', no_wait=True),
        ExchangeDelete('x', no_wait=True),
    )

    assert client.take() == []
    assert not rig.vhost.queues
    client.call(QueueDelete('q'))


def test_publishing_needs_permission(rig: Rig, client: Client) -> None:
    client.declare('q')
    rig.state.permit('guest', '/', Permissions(write='^amq.direct$'))
    client.publish(b'x', 'q', 'amq.direct')
    client.publish(b'x', 'q')

    code, text = client.expect_close()
    assert code == 403
    assert "write access to exchange 'amq.default'" in text


@pytest.mark.parametrize(
    'method', [each for each in METHODS.values() if each.NAME.endswith(('-ok', 'empty'))]
)
def test_an_answer_is_no_request(client: Client, method: type[Method]) -> None:
    if method.INDEX[0] != 10 and method not in (ChannelCloseOk, BasicGetOk):
        assert client.refused(method())[0] == 503
