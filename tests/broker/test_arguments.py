"""Arguments of declarations: what counts as the same, and the words for what differs."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.broker.arguments import (
    TYPE_NAMES,
    check_all_same,
    check_same,
    check_same_flag,
    check_string,
    named,
    typed,
)
from coolamqp.broker.errors import Refusal
from tests.framing.strategies import SCALARS

WHERE = "queue 'q' in vhost '/'"


def test_arguments_are_read_by_name_and_the_last_value_of_a_name_counts() -> None:
    assert named([(b'a', (1, 'I')), (b'b', (2, 'I')), (b'a', (3, 'I'))]) == {
        b'a': (3, 'I'),
        b'b': (2, 'I'),
    }
    assert named(None) == {}


@pytest.mark.parametrize(
    ('plain', 'expected'), [(True, (True, 't')), (5, (5, 'l')), ('x', (b'x', 'S'))]
)
def test_a_value_of_a_policy_has_a_type(plain: object, expected: object) -> None:
    assert typed(plain) == expected


@pytest.mark.parametrize(
    ('current', 'received'),
    [(None, None), ((5, 'I'), (5, 'l')), ((5, 'b'), (5, 'L')), ((b'x', 'S'), (b'x', 'S'))],
)
def test_arguments_are_the_same(current: Any, received: Any) -> None:
    check_same('x-a', current, received, WHERE)


@pytest.mark.parametrize(
    ('current', 'received', 'text'),
    [
        ((5, 'I'), (6, 'I'), "received '6' but current is '5'"),
        ((5, 'I'), None, "received none but current is the value '5' of type 'signedint'"),
        (None, (True, 't'), "received the value 'true' of type 'bool' but current is none"),
        ((1, 'I'), (1.0, 'd'), "received '1.0' but current is '1'"),
        ((b'\xff', 'S'), (b'x', 'S'), "received 'x' but current is '\N{REPLACEMENT CHARACTER}'"),
    ],
)
def test_arguments_differ(current: Any, received: Any, text: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_same('x-a', current, received, WHERE)

    assert caught.value.reply_code == 406
    assert caught.value.what == f"inequivalent arg 'x-a' for {WHERE}: {text}"


def test_only_the_named_arguments_are_compared() -> None:
    current, received = named([(b'a', (1, 'I'))]), named([(b'a', (1, 'I')), (b'b', (2, 'I'))])

    check_all_same((b'a',), current, received, WHERE)
    with pytest.raises(Refusal, match="arg 'b'"):
        check_all_same((b'a', b'b'), current, received, WHERE)


def test_flags_are_compared() -> None:
    check_same_flag('durable', True, True, WHERE)
    with pytest.raises(Refusal, match="received 'false' but current is 'true'"):
        check_same_flag('durable', True, False, WHERE)


def test_an_argument_must_be_a_string_if_it_is_there() -> None:
    check_string('x-a', {}, WHERE)
    check_string('x-a', {b'x-a': (b'text', 'S')}, WHERE)
    with pytest.raises(Refusal, match="invalid type 'bool' for arg 'x-a'"):
        check_string('x-a', {b'x-a': (True, 't')}, WHERE)


def test_each_type_of_a_field_table_has_a_name() -> None:
    assert set(TYPE_NAMES) == {*SCALARS, 'A', 'F'}
