"""The conditions of bindings to a headers exchange."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.broker.arguments import named
from coolamqp.broker.errors import Refusal
from coolamqp.broker.header_match import HeaderMatch, check_x_match
from coolamqp.framing.field_table import TypedTable, encode_table, read_table
from coolamqp.framing.primitives import Reader


def typed(table: dict[str, Any]) -> TypedTable:
    encoded = encode_table(table)
    return read_table(Reader(encoded, 0, len(encoded), 'a test'))


def holds(wanted: dict[str, Any], given: dict[str, Any]) -> bool:
    return HeaderMatch(named(typed(wanted))).holds(named(typed(given)))


@pytest.mark.parametrize(
    ('wanted', 'given', 'expected'),
    [
        ({'a': 1, 'b': 2}, {'a': 1, 'b': 2, 'c': 3}, True),
        ({'a': 1, 'b': 2}, {'a': 1}, False),
        ({'x-match': 'all', 'a': 1}, {'a': 2}, False),
        ({'x-match': 'any', 'a': 1, 'b': 2}, {'a': 9, 'b': 2}, True),
        ({'x-match': 'any', 'a': 1}, {}, False),
        ({'x-match': 'all'}, {}, True),
        ({'x-match': 'any'}, {'a': 1}, False),
        ({'x-a': 1, 'b': 2}, {'b': 2}, True),
        ({'x-match': 'all-with-x', 'x-a': 1, 'b': 2}, {'b': 2}, False),
        ({'x-match': 'any-with-x', 'x-a': 1}, {'x-a': 1}, True),
        ({'a': None}, {'a': 'anything'}, True),
        ({'a': None}, {}, False),
        ({'a': (1, 'b')}, {'a': (1, 'l')}, True),
        ({'a': 1}, {'a': 1.0}, False),
        ({'a': True}, {'a': 1}, False),
        ({'a': (1.5, 'f')}, {'a': (1.5, 'd')}, True),
        ({'a': bytearray(b'x')}, {'a': 'x'}, True),
        ({'a': {'n': [1, 'x']}}, {'a': {'n': [(1, 'l'), 'x']}}, True),
        ({'a': {'n': [1, 'x']}}, {'a': {'n': [1, 'y']}}, False),
    ],
)
def test_a_condition(wanted: dict[str, Any], given: dict[str, Any], expected: bool) -> None:
    assert holds(wanted, given) is expected


@pytest.mark.parametrize('value', ['some', 5, True, None])
def test_an_unknown_way_is_refused(value: Any) -> None:
    arguments = named(typed({'x-match': value}))

    with pytest.raises(Refusal, match='Invalid x-match'):
        check_x_match(arguments)
    with pytest.raises(Refusal):
        HeaderMatch(arguments)
