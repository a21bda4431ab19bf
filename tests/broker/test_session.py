"""What the channels of a connection share: permissions, congestion, blocking."""

from __future__ import annotations

import pytest

from coolamqp.broker.users import Permissions
from coolamqp.framing.definitions import QueueDeclare
from tests.broker.rig import Client, Rig


def test_nobody_has_logged_in_yet(rig: Rig) -> None:
    session = rig.accept().connection.session

    assert not session.is_open
    with pytest.raises(RuntimeError, match='logged in'):
        session.user  # noqa: B018 - the look is the test
    with pytest.raises(RuntimeError, match='virtual host'):
        session.vhost  # noqa: B018 - the look is the test


def test_permissions_are_remembered_until_they_are_forgotten(rig: Rig, client: Client) -> None:
    client.declare('q')
    rig.state.permit('guest', '/', Permissions(configure=''))
    client.declare('q')

    client.connection.session.forget_checks()
    assert client.refused(QueueDeclare('q', durable=True))[0] == 403


@pytest.mark.parametrize('notices', [True, False])
def test_a_client_is_blocked_whether_it_understands_the_notice_or_not(
    rig: Rig, notices: bool
) -> None:
    client = rig.connect(capabilities={'connection.blocked': notices})
    client.declare('q')
    client.open_channel(2)
    rig.core.raise_alarm('low')
    client.publish(b'x', 'q')
    client.send(QueueDeclare('late', durable=True), channel=2)
    assert len(client.take()) == notices
    assert b'late' not in rig.vhost.queues

    rig.core.clear_alarm()
    rig.run()
    assert b'late' in rig.vhost.queues
    assert rig.ready('q') == [b'x']


def test_a_connection_is_blocked_once(rig: Rig, client: Client) -> None:
    client.declare('q')
    rig.core.raise_alarm('low')
    client.publish(b'x', 'q')
    client.publish(b'x', 'q')
    rig.core.raise_alarm('low')
    assert len(client.take()) == 1

    rig.core.clear_alarm()
    rig.core.clear_alarm()
    rig.run()
    assert len(client.take()) == 1


def test_deliveries_stop_when_much_is_unsent_and_go_on_when_little_is(
    rig: Rig, client: Client
) -> None:
    client.declare('q')
    session = client.connection.session
    client.consume('q', no_ack=True)
    client.reads = False
    publisher = rig.connect()
    for _ in range(300):
        publisher.publish(bytes(10_000), 'q')
    assert 1_000_000 < session.out.size < 1_100_000
    assert len(rig.ready('q')) > 150

    client.read_again()
    assert len(client.deliveries()) == 300
    assert not session.congested
