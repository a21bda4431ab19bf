"""Topic patterns."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from coolamqp.broker.topic import TopicKey, matches, split

words = st.lists(st.sampled_from([b'a', b'b', b'']), max_size=6)
patterns = st.lists(st.sampled_from([b'a', b'b', b'', b'*', b'#']), max_size=6)


@pytest.mark.parametrize(
    ('pattern', 'key', 'expected'),
    [
        (b'a.b', b'a.b', True),
        (b'a.b', b'a.c', False),
        (b'a.*', b'a.b', True),
        (b'a.*', b'a', False),
        (b'a.*', b'a.b.c', False),
        (b'a.#', b'a', True),
        (b'a.#', b'a.b.c', True),
        (b'#', b'', True),
        (b'*', b'', False),
        (b'', b'', True),
        (b'#.b', b'a.a.b', True),
        (b'#.b', b'a.b.a', False),
        (b'a.#.c', b'a.c', True),
        (b'#.#', b'', True),
        (b'a..b', b'a..b', True),
        (b'a.*.b', b'a..b', True),
        (b'a*', b'ab', False),
    ],
)
def test_a_pattern_and_a_key(pattern: bytes, key: bytes, expected: bool) -> None:
    assert matches(split(pattern), TopicKey(key)) is expected


@given(patterns, words)
def test_patterns_match_as_regular_expressions_do(pattern: list[bytes], key: list[bytes]) -> None:
    parts = {b'*': b'[^,]*,', b'#': b'([^,]*,)*'}
    expression = b''.join(parts.get(each, re.escape(each) + b',') for each in pattern)
    text = b''.join(word + b',' for word in key)

    joined = b'.'.join(key)
    assume(split(joined) == key)
    assert matches(pattern, TopicKey(joined)) is (re.fullmatch(expression, text) is not None)
