"""The methods about exchanges and queues: names that are left out, permissions."""

from __future__ import annotations

import pytest

from coolamqp.broker.users import Permissions
from coolamqp.framing.definitions import (
    BasicConsume,
    BasicGet,
    ExchangeBind,
    ExchangeDeclare,
    ExchangeDelete,
    QueueBind,
    QueueDeclare,
    QueueDelete,
    QueuePurge,
    QueueUnbind,
)
from coolamqp.framing.method import Method
from tests.broker.rig import Client, Rig


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
