"""Topic patterns: words with dots between them, `*` for one word, `#` for zero or more words.

AMQP 0-9-1, section 3.1.3.3.
"""

from __future__ import annotations

from typing import Final

_DOT: Final = b'.'
_ONE: Final = b'*'
_ANY: Final = b'#'


def split(pattern: bytes) -> list[bytes]:
    """Split a pattern or a routing key into words; an empty one has none."""
    return pattern.split(_DOT) if pattern else []


class TopicKey:
    """A routing key, prepared for many patterns.

    :ivar words: the number of its words
    :ivar places: a bit set for each word: bit n is set if the word is at position n
    """

    __slots__ = ('places', 'words')

    def __init__(self, routing_key: bytes) -> None:
        words = split(routing_key)
        self.words = len(words)
        self.places: dict[bytes, int] = {}
        for place, word in enumerate(words):
            self.places[word] = self.places.get(word, 0) | 1 << place


def matches(pattern: list[bytes], key: TopicKey) -> bool:
    """Whether a routing key matches a pattern.

    The function reads the pattern once. `lengths` is a bit set: bit n is set if the words of the
    pattern so far match the first n words of the key. So many `#` in a pattern take no extra time.
    """
    all_lengths = (2 << key.words) - 1
    lengths = 1
    for part in pattern:
        if part == _ANY:
            lengths = -(lengths & -lengths) & all_lengths  # the shortest, and all that are longer
        elif part == _ONE:
            lengths = lengths << 1 & all_lengths
        else:
            lengths = (lengths & key.places.get(part, 0)) << 1
        if not lengths:
            return False
    return bool(lengths >> key.words)
