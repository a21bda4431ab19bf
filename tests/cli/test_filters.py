"""Which messages a command is about."""

from __future__ import annotations

import click
import pytest

from coolamqp.cli.filters import Filter, condition_of, topic_matches
from coolamqp.objects import MessageProperties, ReceivedMessage

HEADERS = {
    'tenant': 'eu-1', 'attempt': 3, 'paid': True, 'a.b': 'dotted', 'raw': b'\xff',
    'x-death': [{'queue': 'orders', 'reason': 'expired'}],
}  # fmt: skip
PROPERTIES = MessageProperties(type_='order', content_type='text/plain', headers=HEADERS)
MESSAGE = ReceivedMessage(b'', 'events', 'order.new', PROPERTIES)


@pytest.mark.parametrize(
    ('text', 'holds'),
    [
        ('tenant', True), ('nothing', False), ('nothing!', True), ('tenant!', False),
        ('tenant=eu-1', True), ('tenant=eu-?', True), ('tenant=us-*', False),
        ('tenant!=us-*', True),
        ('attempt=3', True), ('attempt!=3', False), ('paid=true', True), ('a.b=dotted', True),
        ('x-death.0.reason=expired', True), ('x-death.0.queue=x', False),
        ('x-death.1.queue', False),
        ('x-death.queue', False), ('type=order', True), ('content_type=text/*', True),
        ('reply_to', False), ('nothing=x', False), ('nothing!=x', True), ('tenant=', False),
    ],
)  # fmt: skip
def test_a_condition_is_about_a_header_or_a_property(text: str, holds: bool) -> None:
    assert condition_of(text).holds_for(MESSAGE) is holds


@pytest.mark.parametrize('text', ['', '=x', '!', '!=x'])
def test_a_condition_has_a_name(text: str) -> None:
    with pytest.raises(click.BadParameter, match='NAME=PATTERN'):
        condition_of(text)


@pytest.mark.parametrize(
    ('pattern', 'key', 'matches'),
    [
        ('order.new', 'order.new', True), ('order.*', 'order.new', True), ('*', 'order.new', False),
        ('#', 'order.new', True), ('#', '', True), ('order.#', 'order', True),
        ('order.#', 'order.new.big', True), ('order.*', 'order', False),
        ('#.new', 'order.new', True),
        ('#.old', 'order.new', False), ('*.#.new', 'order.new', True),
        ('order', 'order.new', False),
        ('order.new.*', 'order.new', False), ('a.#.b.#', 'a.x.b.b', True),
        ('a.#.b', 'a.b.c', False), ('*', '', False), ('o[r]der', 'order', False),
    ],
)  # fmt: skip
def test_keys_match_as_in_a_topic_exchange(pattern: str, key: str, matches: bool) -> None:
    assert topic_matches(pattern, key) is matches


def test_one_key_and_all_conditions_must_match() -> None:
    paid, late = condition_of('paid=true'), condition_of('attempt=9')

    assert Filter().matches(MESSAGE)
    assert Filter(('invoice.#', 'order.#'), (paid,)).matches(MESSAGE)
    assert not Filter(('invoice.#',), (paid,)).matches(MESSAGE)
    assert not Filter(('order.#',), (paid, late)).matches(MESSAGE)


def test_an_empty_filter_is_false() -> None:
    assert not Filter()
    assert Filter(('a',))
