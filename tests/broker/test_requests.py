"""The methods of a channel: their answers, names that are left out, and modes."""

from __future__ import annotations

import pytest

from coolamqp.broker.users import Permissions
from coolamqp.framing.definitions import (
    AccessRequest,
    BasicCancel,
    BasicConsume,
    BasicConsumeOk,
    BasicGet,
    BasicGetEmpty,
    BasicQos,
    BasicRecover,
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
    QueueUnbind,
    TxCommit,
    TxRollback,
    TxSelect,
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


def test_an_empty_name_stands_for_the_last_queue_of_the_channel(rig: Rig, client: Client) -> None:
    assert client.refused(QueueUnbind('', 'amq.direct', 'k'))[0] == 404
    client.open_channel(1)
    name = client.declare('')
    assert name.startswith('amq.gen-')
    client.publish(b'x', name)
    client.bind('', 'amq.direct')
    assert client.get('') is not None
    client.publish(b'y', name, 'amq.direct')
    assert rig.ready(name) == [b'y']
    client.call(QueuePurge(''))
    client.call(QueueUnbind('', 'amq.direct', ''))
    client.call(QueueDelete(''))
    assert not rig.vhost.queues


def test_line_ends_are_removed_from_names(rig: Rig, client: Client) -> None:
    assert client.declare('a\r\nb') == 'ab'
    client.exchange('x\n')
    client.bind('ab\n', 'x\n', 'k\n')

    assert rig.vhost.exchange(b'x').bindings


def test_a_consumer_tag_is_used_once(client: Client) -> None:
    client.declare('q')
    generated = client.consume('q')
    assert generated.startswith('amq.ctag-')
    client.open_channel(2)
    client.consume('q', generated, channel=2)

    assert client.refused(BasicConsume('q', generated))[0] == 530


def test_an_exclusive_consumer_is_alone(rig: Rig, client: Client) -> None:
    client.declare('q')
    client.consume('q', 'tag', exclusive=True)
    other = rig.connect()
    assert other.refused(BasicConsume('q'))[0] == 403

    client.call(BasicCancel('tag'))
    other.open_channel(1)
    other.consume('q')
    assert client.refused(BasicConsume('q', exclusive=True))[0] == 403


def test_deliveries_come_behind_the_consume_ok(client: Client) -> None:
    client.declare('q')
    client.publish(b'x', 'q')
    client.send(BasicConsume('q', 'tag'))

    assert client.expect(BasicConsumeOk) == BasicConsumeOk(b'tag')
    assert client.bodies() == [b'x']


def test_an_empty_queue_has_nothing_to_get(client: Client) -> None:
    client.declare('q')

    assert isinstance(client.call(BasicGet('q')), BasicGetEmpty)


def test_a_channel_has_confirms_or_transactions(client: Client) -> None:
    client.call(TxSelect())
    client.call(TxSelect())
    assert client.refused(ConfirmSelect())[0] == 406
    client.open_channel(1)
    client.call(ConfirmSelect())
    assert client.refused(TxSelect())[0] == 406


@pytest.mark.parametrize(
    ('permissions', 'method'),
    [
        ({'configure': ''}, QueueDeclare('new')),
        ({'configure': ''}, QueueDelete('q')),
        ({'configure': ''}, ExchangeDeclare('x', 'fanout')),
        ({'configure': ''}, ExchangeDelete('x')),
        ({'write': ''}, QueueBind('q', 'amq.direct', '')),
        ({'read': '^q$'}, QueueBind('q', 'amq.direct', '')),
        ({'write': ''}, QueueUnbind('q', 'amq.direct', '')),
        ({'write': '^amq'}, ExchangeBind('x', 'amq.direct', '')),
        ({'read': ''}, BasicGet('q')),
        ({'read': ''}, BasicConsume('q')),
        ({'read': ''}, QueuePurge('q')),
        ({'write': '^q'}, QueueDeclare('new', arguments={'x-dead-letter-exchange': 'x'})),
    ],
)
def test_permissions_are_checked(
    rig: Rig, client: Client, permissions: dict[str, str], method: Method
) -> None:
    client.declare('q')
    client.exchange('x')
    rig.state.permit('guest', '/', Permissions(**permissions))
    client.connection.session.forget_checks()

    assert client.refused(method)[0] == 403


def test_publishing_needs_permission(rig: Rig, client: Client) -> None:
    client.declare('q')
    rig.state.permit('guest', '/', Permissions(write='^amq.direct$'))
    client.publish(b'x', 'q', 'amq.direct')
    client.publish(b'x', 'q')

    code, text = client.expect_close()
    assert code == 403
    assert "write access to exchange 'amq.default'" in text
