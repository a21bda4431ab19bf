"""Topic patterns: words with dots between them, `*` for one word, `#` for any number of words."""

from __future__ import annotations

from typing import Final

_DOT: Final = b'.'
_ONE: Final = b'*'
_ANY: Final = b'#'


def split(pattern: bytes) -> list[bytes]:
    """Split a pattern or a routing key into words; an empty one has none."""
    return pattern.split(_DOT) if pattern else []


def matches(pattern: list[bytes], words: list[bytes]) -> bool:
    """Whether a routing key matches a pattern.

    Goes through the pattern once and keeps all lengths of the key that it may stand for, so that a
    pattern with many `#` takes no longer than others.
    """
    lengths = {0}
    for part in pattern:
        if part == _ANY:
            lengths = set(range(min(lengths), len(words) + 1))
        elif part == _ONE:
            lengths = {length + 1 for length in lengths if length < len(words)}
        else:
            lengths = {
                length + 1 for length in lengths if length < len(words) and words[length] == part
            }
        if not lengths:
            return False
    return len(words) in lengths
