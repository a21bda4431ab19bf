"""The way of dead letters, which ends."""

from __future__ import annotations

import pytest

from coolamqp.broker.dead_lettering import COPIES_MAX, DEATHS_MAX
from coolamqp.framing.definitions import BasicReject
from tests.broker.rig import Client, Rig


@pytest.mark.parametrize('how', ['max-length', 'message-ttl', 'reject'])
def test_a_long_chain_of_dead_letters(rig: Rig, client: Client, how: str) -> None:
    count = DEATHS_MAX
    for number in range(count):
        arguments = {
            'x-dead-letter-exchange': '',
            'x-dead-letter-routing-key': f'q{number + 1}',
            **({} if how == 'reject' else {f'x-{how}': 0}),
        }
        if how == 'reject':
            arguments['x-max-length'], arguments['x-overflow'] = 0, 'reject-publish-dlx'
        client.declare(f'q{number}', arguments)
    client.declare(f'q{count}')
    client.publish(b'x', 'q0')
    rig.advance(0)

    assert rig.ready(f'q{count}') == [b'x']


@pytest.mark.parametrize('limit', ['x-max-length', 'x-message-ttl'])
def test_a_chain_of_dead_letters_that_is_too_long(
    rig: Rig, client: Client, limit: str, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(1500):
        arguments = {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': f'q{number + 1}'}
        client.declare(f'q{number}', {**arguments, limit: 0})
    client.publish(b'x', 'q0')
    rig.advance(0)

    assert 'has died in 101 queues' in caplog.text
    assert not any(rig.ready(f'q{number}') for number in range(1500))


def test_a_cycle_of_dead_letters_that_keep_each_other_full(rig: Rig, client: Client) -> None:
    for source, target in ('ab', 'bc', 'ca', 'dd'):
        arguments = {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': target}
        client.declare(source, {**arguments, 'x-max-length': 1})
    for number in range(30):
        client.publish(b'%d' % number, 'a')
        client.publish(b'%d' % number, 'd')

    assert all(len(rig.ready(name)) == 1 for name in 'abcd')


@pytest.mark.parametrize('limit', ['x-max-length', 'x-message-ttl'])
def test_dead_letters_to_everybody(
    rig: Rig, client: Client, limit: str, caplog: pytest.LogCaptureFixture
) -> None:
    client.exchange('x')
    for number in range(50):
        client.declare(f'q{number}', {'x-dead-letter-exchange': 'x', limit: 0})
        client.bind(f'q{number}', 'x')
    client.publish(b'x', 'q0')
    rig.advance(0)

    assert len(caplog.records) == 1
    assert 'no dead-letter exchange takes it any more' in caplog.text
    assert not any(rig.ready(f'q{number}') for number in range(50))


def test_dead_letters_keep_their_order(rig: Rig, client: Client) -> None:
    client.declare('dead')
    arguments = {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead'}
    client.declare('b', {**arguments, 'x-max-length': 1})
    client.declare('a', {**arguments, 'x-dead-letter-routing-key': 'b', 'x-message-ttl': 1000})
    for body in (b'1', b'2', b'3', b'4'):
        client.publish(body, 'a')
    rig.advance(1)

    assert (rig.ready('dead'), rig.ready('b')) == ([b'1', b'2', b'3'], [b'4'])


def test_a_rejected_message_may_be_copied_for_ever(rig: Rig, client: Client) -> None:
    client.exchange('dlx')
    client.declare('work', {'x-dead-letter-exchange': 'dlx'})
    client.declare('audit', {'x-max-length': 1})
    client.bind('work', 'dlx')
    client.bind('audit', 'dlx')
    client.publish(b'x', 'work')
    client.consume('work')
    for tag in range(1, COPIES_MAX + 10):
        client.send(BasicReject(tag, False))

    assert rig.unacked('work') == 1
    assert rig.ready('audit') == [b'x']
