"""Routing through several exchanges."""

from __future__ import annotations

from itertools import pairwise

import pytest

from coolamqp.framing.definitions import ExchangeBind
from tests.broker.rig import Client, Rig


def link(client: Client, *names: str) -> None:
    """Bind each exchange to the one before."""
    for source, destination in pairwise(names):
        client.call(ExchangeBind(destination, source, ''))


def test_a_queue_receives_a_message_once_whatever_the_ways(rig: Rig, client: Client) -> None:
    for name in ('top', 'left', 'right'):
        client.exchange(name)
    link(client, 'top', 'left')
    link(client, 'top', 'right')
    client.declare('q')
    for name in ('top', 'left', 'right'):
        client.bind('q', name, 'a')
        client.bind('q', name, 'b')
    client.publish(b'x', exchange='top')

    assert rig.ready('q') == [b'x']


def test_a_cycle_of_exchanges_ends(rig: Rig, client: Client) -> None:
    for name in 'abc':
        client.exchange(name)
    link(client, 'a', 'b', 'c', 'a')
    link(client, 'a', 'a')
    client.declare('q')
    client.bind('q', 'c')
    client.publish(b'x', exchange='a')

    assert rig.ready('q') == [b'x']


def test_an_alternate_exchange_takes_what_has_no_route(rig: Rig, client: Client) -> None:
    client.exchange('main', 'direct', {'alternate-exchange': 'rest'})
    client.exchange('rest')
    client.declare('routed')
    client.declare('others')
    client.bind('routed', 'main', 'k')
    client.bind('others', 'rest')
    client.publish(b'1', 'k', 'main')
    client.publish(b'2', 'other', 'main')

    assert (rig.ready('routed'), rig.ready('others')) == ([b'1'], [b'2'])


@pytest.mark.parametrize('alternate', ['a', 'b', 'missing', ''])
def test_alternate_exchanges_may_go_in_a_circle(rig: Rig, client: Client, alternate: str) -> None:
    client.exchange('a', 'direct', {'alternate-exchange': 'b'})
    client.exchange('b', 'direct', {'alternate-exchange': alternate})
    client.publish(b'x', 'k', 'a', mandatory=True)

    assert [item.method.NAME for item in client.take() if hasattr(item, 'method')] == [
        'basic.return'
    ]


def test_cc_and_bcc_are_routing_keys_too(rig: Rig, client: Client) -> None:
    for name in ('q1', 'q2', 'q3'):
        client.declare(name)
    client.publish(b'x', 'q1', headers={'CC': ['q2', 'q1'], 'BCC': ['q3', 'missing']})

    assert [rig.ready(name) for name in ('q1', 'q2', 'q3')] == [[b'x']] * 3


def test_cc_is_a_routing_key_for_each_exchange_on_the_way(rig: Rig, client: Client) -> None:
    client.exchange('first')
    client.exchange('second', 'direct')
    link(client, 'first', 'second')
    client.declare('q')
    client.bind('q', 'second', 'copy')
    client.publish(b'x', 'key', 'first', headers={'CC': ['copy']})

    assert rig.ready('q') == [b'x']


def test_a_long_chain_of_exchanges(rig: Rig, client: Client) -> None:
    names = [f'x{number}' for number in range(2000)]
    for name in names:
        client.exchange(name)
    link(client, *names)
    client.declare('q')
    client.bind('q', names[-1])
    client.publish(b'x', exchange=names[0])

    assert rig.ready('q') == [b'x']
