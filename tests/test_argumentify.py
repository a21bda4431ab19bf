"""Arguments in the typed form, and text in the one kind or the other."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.argumentify import argumentify, tobytes, toutf8


@pytest.mark.parametrize('empty', [None, {}, []])
def test_no_arguments(empty: Any) -> None:
    assert argumentify(empty) == []


def test_plain_values_get_their_letters_and_typed_ones_keep_theirs() -> None:
    typed = argumentify({'s': 'text', b'flag': True, 'given': (5, 'I'), 'none': None})
    assert typed == [
        (b's', ('text', 'S')),
        (b'flag', (True, 't')),
        (b'given', (5, 'I')),
        (b'none', (None, 'V')),
    ]
    assert argumentify(typed) == typed
    assert argumentify([('s', 'text')]) == [(b's', ('text', 'S'))]


def test_what_no_table_can_hold() -> None:
    with pytest.raises(TypeError, match="arguments\\['a'\\]"):
        argumentify({'a': object()})
    with pytest.raises(ValueError, match='argument name is 256 bytes'):
        argumentify({'a' * 256: 1})


@pytest.mark.parametrize('value', ['\xe9', b'\xc3\xa9', memoryview(b'\xc3\xa9')])
def test_text_of_any_kind(value: Any) -> None:
    assert tobytes(value) == b'\xc3\xa9'
    assert toutf8(value) == '\xe9'
