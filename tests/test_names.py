"""Unique names: how they look, and that their source can be replaced."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import pytest

from coolamqp import names
from coolamqp.names import NAME_BYTES, RandomBytes, unique_name, use_source
from coolamqp.objects import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def source_of_the_package() -> Iterator[None]:
    """Set the source again that a test has replaced."""
    source = use_source(names._no_source)
    use_source(source)
    yield
    use_source(source)


def counting() -> RandomBytes:
    """Make a source of no randomness at all."""
    numbers = itertools.count()
    return lambda count: next(numbers).to_bytes(count, 'big')


def test_a_name_is_32_hexadecimal_digits() -> None:
    assert re.fullmatch(b'[0-9a-f]{32}', unique_name())


def test_no_two_names_are_the_same() -> None:
    assert len({unique_name() for _ in range(1000)}) == 1000


def test_names_are_made_of_the_bytes_of_the_source() -> None:
    asked = []

    def source(count: int) -> bytes:
        asked.append(count)
        return bytes(range(count))

    use_source(source)
    assert unique_name() == b'000102030405060708090a0b0c0d0e0f'
    assert asked == [NAME_BYTES]


def test_setting_a_source_returns_the_one_before() -> None:
    first, second = counting(), counting()
    use_source(first)
    assert use_source(second) == first
    assert use_source(first) == second


def test_without_a_source_there_is_no_name() -> None:
    use_source(names._no_source)
    with pytest.raises(RuntimeError, match='call use_source first'):
        unique_name()


def test_the_names_of_queues_and_consumers_come_from_the_source() -> None:
    made = []
    for _ in range(2):
        use_source(counting())
        named, anonymous = Queue(''), Queue()
        made.append((named.name, named.consumer_tag, anonymous.consumer_tag))
    assert made[0] == made[1]
    assert made[0] == (b'0' * 32, b'0' * 32, b'0' * 31 + b'1')
