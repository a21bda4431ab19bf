"""Elementary values, one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolamqp.exceptions import WireError
from coolamqp.framing.primitives import Reader, Writer
from coolamqp.reply_codes import SYNTAX_ERROR
from tests.framing.strategies import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable

BITS = {'octet': 8, 'short': 16, 'long': 32, 'longlong': 64}
READ: dict[str, Callable[[Reader], Any]] = {
    'octet': Reader.octet,
    'short': Reader.short,
    'long': Reader.long,
    'longlong': Reader.long_long,
    'bit': Reader.bit,
    'shortstr': Reader.short_string,
    'longstr': Reader.long_string,
}


def reader(data: bytes, offset: int = 0, end: int | None = None) -> Reader:
    return Reader(data, offset, len(data) if end is None else end, 'a test')


def write(writer: Writer, kind: str, value: Any) -> None:
    if kind in BITS:
        writer.unsigned(value, BITS[kind], 'field')
    elif kind == 'bit':
        writer.bit(value)
    elif kind == 'shortstr':
        writer.short_string(value)
    else:
        writer.long_string(value)


def one_of(kind: str) -> st.SearchStrategy[tuple[str, Any]]:
    return st.tuples(st.just(kind), FIELDS[kind])


@pytest.mark.parametrize(
    ('kind', 'value', 'encoded'),
    [
        ('octet', 0xFE, b'\xfe'),
        ('short', 0x0102, b'\x01\x02'),
        ('long', 0x01020304, b'\x01\x02\x03\x04'),
        ('longlong', 0x0102030405060708, b'\x01\x02\x03\x04\x05\x06\x07\x08'),
        ('bit', True, b'\x01'),
        ('bit', False, b'\x00'),
        ('shortstr', b'abc', b'\x03abc'),
        ('shortstr', b'', b'\x00'),
        ('longstr', b'abc', b'\x00\x00\x00\x03abc'),
        ('longstr', b'', b'\x00\x00\x00\x00'),
    ],
)
def test_values_look_as_the_specification_says(kind: str, value: Any, encoded: bytes) -> None:
    writer = Writer()
    write(writer, kind, value)

    assert writer.getvalue() == encoded
    assert READ[kind](reader(encoded)) == value


@given(st.lists(st.sampled_from(sorted(READ)).flatmap(one_of)))
def test_what_is_written_is_read(values: list[tuple[str, Any]]) -> None:
    writer = Writer()
    for kind, value in values:
        write(writer, kind, value)
    data = writer.getvalue()
    source = reader(data)

    assert [READ[kind](source) for kind, _ in values] == [value for _, value in values]
    assert source.offset == len(data)


def test_neighbouring_bits_share_an_octet_the_first_lowest() -> None:
    writer = Writer()
    for bit in (True, False, True):
        writer.bit(bit)

    assert writer.getvalue() == b'\x05'


def test_the_ninth_bit_begins_another_octet() -> None:
    writer = Writer()
    for _ in range(9):
        writer.bit(True)
    source = reader(b'\xff\x01')

    assert writer.getvalue() == b'\xff\x01'
    assert [source.bit() for _ in range(9)] == [True] * 9
    assert source.offset == 2


def test_another_value_ends_the_octet_of_the_bits() -> None:
    writer = Writer()
    writer.bit(True)
    writer.unsigned(7, 8, 'field')
    writer.bit(True)
    source = reader(b'\x01\x07\x01')

    assert writer.getvalue() == b'\x01\x07\x01'
    assert (source.bit(), source.octet(), source.bit()) == (True, 7, True)


@pytest.mark.parametrize('bits', [8, 16, 32, 64])
def test_an_integer_must_fit(bits: int) -> None:
    largest = 2**bits - 1
    writer = Writer()
    writer.unsigned(largest, bits, 'tag')
    assert writer.getvalue() == b'\xff' * (bits // 8)

    for wrong in (-1, largest + 1):
        with pytest.raises(ValueError, match=f'^tag is {wrong}; it must be from 0 to {largest}$'):
            writer.unsigned(wrong, bits, 'tag')


@pytest.mark.parametrize('wrong', [None, '1', 1.0])
def test_an_integer_must_be_one(wrong: object) -> None:
    with pytest.raises(TypeError, match=f'^tag must be an int, not {type(wrong).__name__}$'):
        Writer().unsigned(wrong, 8, 'tag')


@pytest.mark.parametrize('kind', sorted(READ))
def test_a_reader_does_not_look_past_its_end(kind: str) -> None:
    source = reader(b'\x00' * 20, 3, 3)

    with pytest.raises(WireError) as caught:
        READ[kind](source)
    assert caught.value.where == 'in a test at offset 3'
    assert caught.value.reply_code == SYNTAX_ERROR
    assert source.offset == 3


@pytest.mark.parametrize(
    ('kind', 'data'), [('shortstr', b'\x04abcd'), ('longstr', b'\x00\x00\x00\x04abcd')]
)
def test_a_string_that_says_it_is_longer_is_an_error(kind: str, data: bytes) -> None:
    with pytest.raises(WireError, match='4 bytes are announced where 3 are left'):
        READ[kind](reader(data, end=len(data) - 1))
