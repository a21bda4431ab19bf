"""Which mechanism logs in, what it says, and that it is told when a password can be read."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.exceptions import CoolAMQPError, WireError
from coolamqp.framing.definitions import (
    ConnectionClose,
    ConnectionSecure,
    ConnectionStartOk,
    ConnectionTune,
)
from coolamqp.objects import NodeDefinition
from coolamqp.objects.node import MECHANISMS
from coolamqp.uplink.login import choose_login, shows_password
from coolamqp.uplink.states import ConnectionState
from tests.support.scripted_broker import start
from tests.uplink.rig import Peers

RESPONSES = {
    'PLAIN': b'\0guest\0secret',
    'AMQPLAIN': b'\x05LOGINS\x00\x00\x00\x05guest\x08PASSWORDS\x00\x00\x00\x06secret',
    'EXTERNAL': b'guest',
}


def node(**options: Any) -> NodeDefinition:
    """Make a node with a login."""
    return NodeDefinition('broker', 'guest', 'secret', **options)


@pytest.mark.parametrize('mechanism', MECHANISMS)
def test_what_each_mechanism_says(mechanism: str) -> None:
    login = choose_login(node(auth_mechanism=mechanism), ['OTHER', mechanism])
    assert (login.mechanism, login.response) == (mechanism, RESPONSES[mechanism])
    assert 'secret' not in repr(login)


@pytest.mark.parametrize(
    ('offered', 'options', 'chosen'),
    [
        ('AMQPLAIN PLAIN', {}, 'PLAIN'),
        ('AMQPLAIN', {}, 'AMQPLAIN'),
        ('PLAIN AMQPLAIN', {'auth_mechanism': ['AMQPLAIN', 'PLAIN']}, 'AMQPLAIN'),
        ('PLAIN', {'auth_mechanism': ['AMQPLAIN', 'PLAIN']}, 'PLAIN'),
        ('PLAIN EXTERNAL', {'auth_mechanism': ['EXTERNAL', 'PLAIN']}, 'EXTERNAL'),
        ('PLAIN EXTERNAL', {'certfile': 'ours.pem'}, 'PLAIN'),
    ],
)
def test_the_order_is_that_of_the_node(offered: str, options: Any, chosen: str) -> None:
    assert choose_login(node(**options), offered.split()).mechanism == chosen


@pytest.mark.parametrize(
    ('offered', 'words'),
    [
        (
            'EXTERNAL SCRAM',
            'EXTERNAL or SCRAM, and auth_mechanism of the node allows PLAIN or AMQPLAIN',
        ),
        ('', 'nothing'),
    ],
)
def test_a_broker_without_a_mechanism_of_the_node(offered: str, words: str) -> None:
    link = Peers(node())
    link.broker.hear()
    link.broker.send(0, start(offered))
    assert isinstance(link.observer.cause, CoolAMQPError)
    assert words in str(link.observer.cause)
    assert link.state() is ConnectionState.CLOSED
    link.broker.send(0, ConnectionTune(0, 0, 0))
    assert link.broker.hear() == []


def test_a_challenge_that_a_mechanism_does_not_have() -> None:
    link = Peers(node())
    link.broker.hear()
    link.broker.send(0, start('PLAIN'))
    link.broker.expect(ConnectionStartOk)
    link.broker.send(0, ConnectionSecure('who are you?'))
    assert isinstance(link.observer.cause, WireError)
    assert 'sent a SASL challenge, and PLAIN has no answer' in str(link.observer.cause)
    assert link.broker.expect(ConnectionClose).reply_code == 540


@pytest.mark.parametrize(
    ('host', 'options', 'shown'),
    [
        ('rabbit.example', {}, True),
        ('10.0.0.1', {}, True),
        ('2001:db8::1', {}, True),
        ('notlocalhost', {}, True),
        ('rabbit.example', {'tls': True}, False),
        ('localhost', {}, False),
        ('LOCALHOST.', {}, False),
        ('rabbit.localhost', {}, False),
        ('127.1.2.3', {}, False),
        ('::1', {}, False),
        ('rabbit.example', {'auth_mechanism': 'external'}, False),
    ],
)
def test_where_a_password_can_be_read(host: str, options: Any, shown: bool) -> None:
    assert shows_password(NodeDefinition(host, 'guest', 'secret', **options)) is shown
