"""The headers of dead letters."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.broker.dead_letters import (
    EXPIRED,
    MAXLEN,
    REJECTED,
    Reason,
    is_cycle,
    make_dead_letter,
)
from coolamqp.broker.message import BrokerMessage
from coolamqp.framing.field_table import plain_table
from coolamqp.framing.properties import BasicContentPropertyList


def message(**properties: Any) -> BrokerMessage:
    encoded = BasicContentPropertyList(**properties).encoded
    return BrokerMessage(b'source', b'key', encoded, b'body')


def died(
    of: BrokerMessage,
    queue: bytes = b'q',
    reason: Reason = REJECTED,
    key: bytes | None = None,
    seconds: int = 7,
) -> BrokerMessage:
    return make_dead_letter(of, queue, reason, b'dlx', key, seconds)


def headers(of: BrokerMessage) -> dict[str, Any]:
    return plain_table(of.headers)


def test_a_dead_letter_tells_where_and_why_the_message_died() -> None:
    dead = died(message(headers={'mine': 1}, app_id='app'))

    found = headers(dead)
    (event,) = found['x-death']
    assert event['queue'] == 'q'
    assert event['reason'] == 'rejected'
    assert event['count'] == 1
    assert event['exchange'] == 'source'
    assert event['routing-keys'] == ['key']
    assert event['time'].timestamp() == 7
    assert found['x-first-death-queue'] == found['x-last-death-queue'] == 'q'
    assert found['mine'] == 1
    assert (dead.exchange, dead.routing_key, dead.body) == (b'dlx', b'key', b'body')
    assert dead.decoded.app_id == b'app'


def test_a_second_death_of_the_same_kind_is_counted_and_another_one_comes_first() -> None:
    twice = died(died(message()))
    (event,) = headers(twice)['x-death']
    assert event['count'] == 2

    third = headers(died(twice, b'other', EXPIRED))
    assert [(each['queue'], each['count']) for each in third['x-death']] == [('other', 1), ('q', 2)]
    assert (third['x-first-death-queue'], third['x-last-death-queue']) == ('q', 'other')
    assert (third['x-first-death-reason'], third['x-last-death-reason']) == ('rejected', 'expired')


@pytest.mark.parametrize('count', [1, 2**63 - 1, 'x'])
def test_a_death_that_a_client_has_made_up_does_not_count(count: Any) -> None:
    forged = message(headers={'x-death': [{'queue': 'q', 'reason': 'rejected', 'count': count}]})

    (event,) = headers(died(forged))['x-death']
    assert event['count'] == 1


@pytest.mark.parametrize('forged', ['text', [], [5], [{}], [{'queue': 5, 'reason': [None]}]])
def test_a_forged_header_does_no_harm(forged: Any) -> None:
    dead = died(message(headers={'x-death': forged, 'x-first-death-queue': 5}))

    assert headers(dead)['x-death'][0]['queue'] == 'q'
    assert is_cycle(died(dead, b'other', EXPIRED), b'other')


def test_the_expiration_is_removed_and_remembered() -> None:
    dead = died(message(expiration='250'), reason=EXPIRED)

    assert dead.expiration is None
    assert headers(dead)['x-death'][0]['original-expiration'] == '250'


def test_a_new_routing_key_replaces_all_of_the_message() -> None:
    copied = message(headers={'CC': ['c1', 'c2']})
    copied.cc = (b'c1', b'c2')

    kept = died(copied)
    assert kept.cc == (b'c1', b'c2')
    assert headers(kept)['x-death'][0]['routing-keys'] == ['key', 'c1', 'c2']

    changed = died(copied, key=b'new')
    assert changed.routing_key == b'new'
    assert changed.cc == ()
    assert headers(changed)['CC'] == ['c1', 'c2']
    assert headers(changed)['x-death'][0]['routing-keys'] == ['key', 'c1', 'c2']


def test_a_cycle_is_one_without_a_rejection() -> None:
    assert not is_cycle(message(), b'q')
    dead = died(message(), b'q', EXPIRED)
    assert is_cycle(dead, b'q')
    assert not is_cycle(dead, b'other')
    assert is_cycle(died(dead, b'other', MAXLEN), b'q')
    assert not is_cycle(died(dead, b'other', REJECTED), b'q')
