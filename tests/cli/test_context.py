"""`coolamqp context`."""

from __future__ import annotations

from coolamqp.broker import Broker
from tests.cli.command import Command


def test_a_context_is_added_used_and_removed(alone: Command, broker: Broker) -> None:
    assert alone('context', 'list').out == ''
    assert alone('context', 'add', 'far', 'amqp://rabbit.example/').status == 0
    assert alone('context', 'add', 'near', broker.url.replace(':guest@', '@'),
                 '--password-env', 'NEAR').status == 0  # fmt: skip

    assert alone('context', 'use', 'near').out == 'commands use near now\n'
    assert [line['current'] for line in alone('context', 'list', '--json').records] == [False, True]
    assert alone('ping', NEAR='guest').status == 0

    assert alone('context', 'remove', 'near').status == 0
    assert alone('context', 'list').out == '  far  amqp://rabbit.example/\n'


def test_a_wrong_password_is_not_shown(alone: Command, broker: Broker) -> None:
    url = broker.url.replace(':guest@', '@')
    alone('context', 'add', 'near', url, '--password-env', 'NEAR')

    ended = alone('ping', NEAR='wrong-secret')

    assert ended.status == 3
    assert 'wrong-secret' not in ended.error + ended.out
    assert ended.error.count('\n') == 1


def test_a_password_in_the_address_is_refused(alone: Command) -> None:
    ended = alone('context', 'add', 'prod', 'amqp://ann:secret@rabbit/')

    assert ended.status == 2
    assert '--password-env' in ended.error
    assert 'secret' not in ended.error
    assert alone('context', 'list').out == ''


def test_an_unknown_context_is_reported(alone: Command) -> None:
    for name in ('use', 'remove'):
        assert "there is no context 'prod'" in alone('context', name, 'prod').error
