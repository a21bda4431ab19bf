"""Checks of a node's arguments: what passes, and errors that show no secret."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.objects.checks import checked_number, checked_seconds, checked_text


@pytest.mark.parametrize('value', ['zażółć', 'zażółć'.encode()])
def test_text_is_str_or_utf_8(value: Any) -> None:
    assert checked_text(value, 'user') == 'zażółć'


@pytest.mark.parametrize('value', ['secret\udcff', b'secret\xff', ['secret'], None])
def test_what_is_no_text_is_refused_and_not_shown(value: Any) -> None:
    with pytest.raises(ValueError, match=r'^password must be text in UTF-8$') as raised:
        checked_text(value, 'password')
    assert raised.value.__cause__ is None


def test_a_number_is_whole_and_within_its_bounds() -> None:
    assert [checked_number(value, 'port', 1, 65535) for value in (1, 65535)] == [1, 65535]
    for value in (0, 65536, True, 1.5, '5672', None):
        with pytest.raises(ValueError, match='port must be a whole number from 1 to 65535, not'):
            checked_number(value, 'port', 1, 65535)


def test_seconds_are_over_0_and_within_their_bound() -> None:
    assert [checked_seconds(value, 'timeout', 60) for value in (0.001, 60)] == [0.001, 60.0]
    for value in (0, -1, 61, True, '5', None):
        with pytest.raises(ValueError, match='timeout must be a number of seconds over 0 and up'):
            checked_seconds(value, 'timeout', 60)
