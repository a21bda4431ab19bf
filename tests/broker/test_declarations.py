"""Declarations: what is the same, what is refused, and what is left as it was."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.framing.definitions import (
    ExchangeDeclare,
    ExchangeDelete,
    QueueBind,
    QueueDeclare,
    QueueDelete,
    QueueUnbind,
)
from coolamqp.framing.method import Method
from tests.broker.rig import Client, Rig


@pytest.mark.parametrize(
    'method',
    [
        QueueDeclare('q', durable=False),
        QueueDeclare('q', durable=True, auto_delete=True),
        QueueDeclare('q', durable=True, arguments={'x-max-length': 6}),
        QueueDeclare('q', durable=True),
        QueueDeclare('q', durable=True, arguments={'x-max-length': 5, 'x-queue-type': 'quorum'}),
        ExchangeDeclare('x', 'fanout', durable=True),
        ExchangeDeclare('x', 'direct'),
        ExchangeDeclare('x', 'direct', durable=True, auto_delete=True),
        ExchangeDeclare('x', 'direct', durable=True, internal=True),
        ExchangeDeclare('x', 'direct', durable=True, arguments={'alternate-exchange': 'y'}),
    ],
)
def test_another_declaration_is_refused(client: Client, method: Method) -> None:
    client.declare('q', {'x-max-length': 5})
    client.exchange('x', 'direct', durable=True)

    code, text = client.refused(method)
    assert code == 406
    assert 'inequivalent arg' in text


def test_the_same_declaration_is_answered_with_the_counts(rig: Rig, client: Client) -> None:
    arguments = {'x-max-length': (5, 'b'), 'mine': 1}
    client.declare('q', arguments)
    client.publish(b'x', 'q')
    rig.connect().declare('p')
    same: dict[str, Any] = {'x-max-length': 5, 'x-queue-type': 'classic', 'mine': 2}
    answer = client.call(QueueDeclare('q', durable=True, arguments=same))

    assert (answer.message_count, answer.consumer_count) == (1, 0)
    client.consume('q')
    answer = client.call(QueueDeclare('q', passive=True))
    assert (answer.message_count, answer.consumer_count) == (0, 1)


@pytest.mark.parametrize(
    'method',
    [
        QueueDeclare('amq.mine'),
        ExchangeDeclare('amq.mine', 'direct'),
        ExchangeDelete('amq.direct'),
        ExchangeDelete(''),
        QueueBind('q', '', 'k'),
        QueueUnbind('q', '', 'k'),
    ],
)
def test_reserved_names_are_refused(client: Client, method: Method) -> None:
    client.declare('q')

    assert client.refused(method)[0] == 403


@pytest.mark.parametrize(('type_', 'text'), [('', 'invalid'), ('x-delayed-message', 'unknown')])
def test_an_unknown_type_of_exchange_is_refused(client: Client, type_: str, text: str) -> None:
    code, reason = client.refused(ExchangeDeclare('x', type_))

    assert code == 406
    assert f'{text} exchange type' in reason


@pytest.mark.parametrize('name', [5, 10**12, 1.5, None, ['x'], {'x': 1}])
def test_an_alternate_exchange_is_named_by_a_string(client: Client, name: Any) -> None:
    method = ExchangeDeclare('x', 'direct', arguments={'alternate-exchange': name})
    code, text = client.refused(method)

    assert code == 406
    assert "for arg 'alternate-exchange' in exchange 'x'" in text


@pytest.mark.parametrize('kind', ['quorum', 'stream'])
@pytest.mark.parametrize(
    ('flag', 'name'),
    [('durable', 'non-durable'), ('exclusive', 'exclusive-owner'), ('auto_delete', 'auto-delete')],
)
def test_a_replicated_queue_is_durable_and_shared(
    client: Client, kind: str, flag: str, name: str
) -> None:
    flags = {'durable': True, 'exclusive': False, 'auto_delete': False}
    flags[flag] ^= True
    method = QueueDeclare('q', arguments={'x-queue-type': kind}, **flags)
    code, text = client.refused(method)

    assert code == 406
    assert f"invalid property '{name}'" in text


@pytest.mark.parametrize(
    'method',
    [
        QueueDeclare('q', exclusive=True),
        QueueDeclare('q', passive=True),
        QueueDelete('q'),
        QueueBind('q', 'amq.direct', ''),
        QueueUnbind('q', 'amq.direct', ''),
    ],
)
def test_an_exclusive_queue_is_for_its_connection(rig: Rig, client: Client, method: Method) -> None:
    client.declare('q', exclusive=True, durable=False)
    code, text = rig.connect().refused(method)

    assert code == 405
    assert "cannot obtain exclusive access to locked queue 'q'" in text
    client.open_channel(2)
    client.call(method, channel=2)


def test_what_is_in_use_is_not_deleted(client: Client) -> None:
    client.exchange('x')
    client.declare('q')
    client.bind('q', 'x')
    client.publish(b'x', 'q')
    for method in (
        ExchangeDelete('x', if_unused=True),
        QueueDelete('q', if_empty=True),
    ):
        assert client.refused(method)[0] == 406
        client.open_channel(1)
    client.consume('q')
    assert client.refused(QueueDelete('q', if_unused=True))[0] == 406
    client.open_channel(1)
    answer = client.call(QueueDelete('q'))
    assert answer.message_count == 1


def test_deleting_what_is_missing_does_nothing(client: Client) -> None:
    assert client.call(QueueDelete('missing')).message_count == 0
    client.call(ExchangeDelete('missing'))
    client.call(QueueUnbind('missing', 'missing', ''))


def test_an_invalid_declaration_leaves_nothing(rig: Rig, client: Client) -> None:
    client.refused(QueueDeclare('q', arguments={'x-expires': 0}))
    client.open_channel(1)
    client.declare('q')
    client.refused(QueueBind('q', 'amq.headers', arguments={'x-match': 'some'}))

    assert not rig.vhost.exchange(b'amq.headers').bindings
