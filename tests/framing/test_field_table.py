"""Field tables: golden bytes, plain values, errors, nesting."""

from __future__ import annotations

import decimal
import math
import time
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolamqp.exceptions import WireError
from coolamqp.framing.field_table import (
    NESTING_LEVELS_MAX,
    deframe_table,
    encode_table,
    enframe_table,
    plain_table,
    read_table,
)
from coolamqp.framing.primitives import Reader
from coolamqp.framing.text import ReceivedBytes
from coolamqp.reply_codes import SYNTAX_ERROR
from tests.framing.strategies import typed_tables

if TYPE_CHECKING:
    from collections.abc import Iterator


def decode(data: bytes) -> list[Any]:
    reader = Reader(data, 0, len(data), 'a test')
    table = read_table(reader)
    assert reader.offset == len(data)
    return table


def sized(content: bytes) -> bytes:
    return len(content).to_bytes(4, 'big') + content


# Name, letter and value of every kind, written by hand from section 4.2.1 and RabbitMQ's errata.
GOLDEN = [
    ('t', True, b'\x01'),
    ('t', False, b'\x00'),
    ('b', -2, b'\xfe'),
    ('B', 254, b'\xfe'),
    ('s', -2, b'\xff\xfe'),
    ('u', 65534, b'\xff\xfe'),
    ('I', -2, b'\xff\xff\xff\xfe'),
    ('i', 4294967294, b'\xff\xff\xff\xfe'),
    ('l', -2, b'\xff\xff\xff\xff\xff\xff\xff\xfe'),
    ('L', 18446744073709551614, b'\xff\xff\xff\xff\xff\xff\xff\xfe'),
    ('f', 1.5, b'\x3f\xc0\x00\x00'),
    ('d', 1.5, b'\x3f\xf8\x00\x00\x00\x00\x00\x00'),
    ('D', Decimal('3.14'), b'\x02\x00\x00\x01\x3a'),
    ('D', Decimal('-0.5'), b'\x01\xff\xff\xff\xfb'),
    ('S', b'text', b'\x00\x00\x00\x04text'),
    ('x', b'\x00\xff', b'\x00\x00\x00\x02\x00\xff'),
    ('A', [(1, 'b'), (None, 'V')], b'\x00\x00\x00\x03b\x01V'),
    ('A', [], b'\x00\x00\x00\x00'),
    ('T', 1_000_000_000, b'\x00\x00\x00\x00\x3b\x9a\xca\x00'),
    ('F', [(b'k', (True, 't'))], b'\x00\x00\x00\x04\x01kt\x01'),
    ('F', [], b'\x00\x00\x00\x00'),
    ('V', None, b''),
]


@pytest.mark.parametrize(('letter', 'value', 'encoded'), GOLDEN)
def test_every_letter_looks_as_the_specification_says(
    letter: str, value: Any, encoded: bytes
) -> None:
    table = [(b'name', (value, letter))]
    wire = sized(b'\x04name' + letter.encode() + encoded)

    assert encode_table(table) == wire
    assert decode(wire) == table


@pytest.mark.parametrize('empty', [None, {}, [], ()])
def test_an_empty_table_is_four_octets_of_nothing(empty: Any) -> None:
    assert encode_table(empty) == b'\x00\x00\x00\x00'
    assert decode(b'\x00\x00\x00\x00') == []


@given(typed_tables)
def test_typed_tables_come_back_as_they_went(table: list[Any]) -> None:
    assert decode(encode_table(table)) == table


@pytest.mark.parametrize('number', ['nan', 'inf', '-inf'])
def test_a_float_must_be_finite(number: str) -> None:
    for value in (float(number), (float(number), 'f'), (float(number), 'd')):
        message = r"^arguments\['a'\]\[0\] is .*; type '[fd]' holds finite numbers only"
        with pytest.raises(ValueError, match=message):
            encode_table({'a': [value]})


def test_a_float_that_another_client_sent_need_not_be_finite() -> None:
    ((_, (single, _)), (_, (double, _))) = decode(
        sized(b'\0f\x7f\xc0\0\0' + b'\0d\x7f\xf0\0\0\0\0\0\0')
    )

    assert math.isnan(single)
    assert double == math.inf


def test_any_octet_but_zero_is_true() -> None:
    assert decode(b'\x00\x00\x00\x03\x00t\x02') == [(b'', (True, 't'))]


def test_strings_arrive_as_received_bytes() -> None:
    ((name, (value, _)),) = decode(encode_table({'a': 'b'}))

    assert isinstance(name, ReceivedBytes)
    assert isinstance(value, ReceivedBytes)


NOON = datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    ('plain', 'expected'),
    [
        (True, (True, 't')),
        (0, (0, 'I')),
        (2**31 - 1, (2**31 - 1, 'I')),
        (-(2**31), (-(2**31), 'I')),
        (2**31, (2**31, 'l')),
        (-(2**31) - 1, (-(2**31) - 1, 'l')),
        (-(2**63), (-(2**63), 'l')),
        ((2**63, 'L'), (2**63, 'L')),
        ((2**64 - 1, 'L'), (2**64 - 1, 'L')),
        (0.1, (0.1, 'd')),
        (Decimal('1.10'), (Decimal('1.10'), 'D')),
        ('ż', (b'\xc5\xbc', 'S')),
        (b'\xff', (b'\xff', 'S')),
        (bytearray(b'\xff'), (b'\xff', 'x')),
        (memoryview(b'\xff'), (b'\xff', 'x')),
        (NOON, (1_000_000_000, 'T')),
        (NOON.replace(tzinfo=None), (1_000_000_000, 'T')),
        (NOON.astimezone(timezone(timedelta(hours=9))), (1_000_000_000, 'T')),
        (NOON.replace(microsecond=999_999), (1_000_000_000, 'T')),
        ({'k': 1}, ([(b'k', (1, 'I'))], 'F')),
        ({}, ([], 'F')),
        ([1, 'a'], ([(1, 'I'), (b'a', 'S')], 'A')),
        ((1, 'a', (2,)), ([(1, 'I'), (b'a', 'S'), ([(2, 'I')], 'A')], 'A')),
        ((), ([], 'A')),
        ((5, 'Z'), ([(5, 'I'), (b'Z', 'S')], 'A')),
        (None, (None, 'V')),
        ((5, 'B'), (5, 'B')),
        ((5, b'B'), (5, 'B')),
        ((NOON, 'T'), (1_000_000_000, 'T')),
        ((5, 'D'), (Decimal(5), 'D')),
        ((1, 'd'), (1.0, 'd')),
        (({'k': 1}, 'F'), ([(b'k', (1, 'I'))], 'F')),
    ],
)
def test_a_plain_value_chooses_its_letter(plain: object, expected: tuple[Any, str]) -> None:
    assert decode(encode_table({'name': plain})) == [(b'name', expected)]


@pytest.fixture
def far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv('TZ', 'UTC-9')
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures('far_from_greenwich')
def test_a_time_without_a_zone_is_utc_wherever_the_program_runs() -> None:
    assert decode(encode_table({'': NOON.replace(tzinfo=None)})) == [(b'', (1_000_000_000, 'T'))]


def test_a_table_may_be_a_dict_or_pairs_with_names_of_either_kind() -> None:
    wire = sized(b'\x01aI\x00\x00\x00\x01\x01bI\x00\x00\x00\x02')

    assert encode_table({'a': 1, b'b': 2}) == wire
    assert encode_table([('a', 1), (b'b', 2)]) == wire
    assert encode_table((('a', 1), ('b', 2))) == wire


@pytest.mark.parametrize(
    ('table', 'error', 'message'),
    [
        ({'a': object()}, TypeError, r"^arguments\['a'\] is a object, which no field table"),
        ({'a': {1, 2}}, TypeError, r"^arguments\['a'\] is a set"),
        ({'a': {'b': [0, {1}]}}, TypeError, r"^arguments\['a'\]\['b'\]\[1\] is a set"),
        ({'a': 2**63}, ValueError, r"^arguments\['a'\] is 9223372036854775808, which does not"),
        ({'a': -(2**63) - 1}, ValueError, r"^arguments\['a'\] is -9223372036854775809, which"),
        ({5: 'a'}, TypeError, '^the name 5 in arguments must be str or bytes'),
        ({'a': {None: 1}}, TypeError, r"^the name None in arguments\['a'\] must be"),
        ({'a' * 256: 1}, ValueError, r"^the name 'a+' in arguments is 256 bytes long"),
        ({'a': 'b\udc80'}, ValueError, r"^arguments\['a'\] is 'b\\udc80', which UTF-8"),
        ({'a': ('x', 'I')}, TypeError, r"^arguments\['a'\] is 'x', which type 'I' cannot hold"),
        ({'a': (1.5, 'I')}, TypeError, r"^arguments\['a'\] is 1.5, which type 'I' cannot hold"),
        ({'a': ('x', 'd')}, TypeError, r"^arguments\['a'\] is 'x', which type 'd' cannot hold"),
        ({'a': ('x', 'T')}, TypeError, r"^arguments\['a'\] is 'x', which type 'T' cannot hold"),
        ({'a': ('x', 'D')}, TypeError, r"^arguments\['a'\] is 'x', which type 'D' cannot hold"),
        ({'a': (5, 'A')}, TypeError, r"^arguments\['a'\] is 5, which type 'A' cannot hold"),
        ({'a': (5, 'F')}, TypeError, r"^arguments\['a'\] must be a dict or a list of pairs"),
        ({'a': (5, 'S')}, TypeError, r"^arguments\['a'\] must be str or bytes, not int"),
        ({'a': (1e39, 'f')}, ValueError, r"^arguments\['a'\] is 1e\+39, too large for type 'f'"),
        ({'a': (10**400, 'd')}, ValueError, r"^arguments\['a'\] is 10+, too large for type 'd'"),
        ({'a': datetime(1969, 1, 1, tzinfo=UTC)}, ValueError, r"type 'T' holds numbers from 0"),
        ('text', TypeError, '^arguments must be a dict or a list of pairs, not str'),
        (0, TypeError, '^arguments must be a dict or a list of pairs, not int'),
        (['ab'], TypeError, r"^arguments holds 'ab' where a \(name, value\) pair should be"),
        ([('a', 1, 2)], TypeError, r"^arguments holds \('a', 1, 2\) where"),
    ],
)
def test_an_error_names_the_key_path(table: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        encode_table(table)


def test_an_error_names_the_table_as_its_caller_calls_it() -> None:
    with pytest.raises(TypeError, match=r"^headers\['a'\]"):
        encode_table({'a': object()}, 'headers')


@pytest.mark.parametrize(
    ('letter', 'low', 'high'),
    [
        ('b', -(2**7), 2**7 - 1),
        ('B', 0, 2**8 - 1),
        ('s', -(2**15), 2**15 - 1),
        ('u', 0, 2**16 - 1),
        ('I', -(2**31), 2**31 - 1),
        ('i', 0, 2**32 - 1),
        ('l', -(2**63), 2**63 - 1),
        ('L', 0, 2**64 - 1),
        ('T', 0, 2**64 - 1),
    ],
)
def test_a_number_must_be_in_the_range_of_its_letter(letter: str, low: int, high: int) -> None:
    for fitting in (low, high):
        assert decode(encode_table({'n': (fitting, letter)})) == [(b'n', (fitting, letter))]
    for wrong in (low - 1, high + 1):
        message = rf"^arguments\['n'\] is {wrong}; type '{letter}' holds numbers from {low} to"
        with pytest.raises(ValueError, match=message):
            encode_table({'n': (wrong, letter)})


@pytest.mark.parametrize(
    ('number', 'encoded'),
    [
        ('2147483647', b'\x00\x7f\xff\xff\xff'),
        ('-2147483648', b'\x00\x80\x00\x00\x00'),
        ('-21474836.48', b'\x02\x80\x00\x00\x00'),
        ('1E+9', b'\x00\x3b\x9a\xca\x00'),
        ('1E-255', b'\xff\x00\x00\x00\x01'),
        ('0', b'\x00\x00\x00\x00\x00'),
        ('0E+999999', b'\x00\x00\x00\x00\x00'),
    ],
)
def test_a_decimal_keeps_its_digits(number: str, encoded: bytes) -> None:
    assert encode_table({'': Decimal(number)}) == sized(b'\x00D' + encoded)
    assert decode(sized(b'\x00D' + encoded)) == [(b'', (Decimal(number), 'D'))]


@pytest.mark.parametrize(
    'number',
    ['2147483648', '-2147483649', '0.12345678901', '1E-256', '0E-256', '1E+999999', '1E10'],
)
def test_a_decimal_that_does_not_fit_is_an_error(number: str) -> None:
    with pytest.raises(ValueError, match='type D holds 31 bits and 255 decimal places'):
        encode_table({'price': Decimal(number)})


@pytest.mark.parametrize('number', ['NaN', 'sNaN', 'Infinity', '-Infinity'])
def test_a_decimal_must_be_finite(number: str) -> None:
    with pytest.raises(ValueError, match=r"^arguments\['price'\] is .*finite numbers only"):
        encode_table({'price': Decimal(number)})


def test_decimals_do_not_depend_on_the_precision_that_the_program_set() -> None:
    table = [(b'price', (Decimal('12345.67891'), 'D'))]

    with decimal.localcontext(prec=3):
        assert decode(encode_table(table)) == table


# Nesting


def nested(levels: int, letter: str) -> Any:
    """Give a table that holds so many tables or arrays, one in the other."""
    value: Any = ([], letter)
    for _ in range(levels - 1):
        value = ([(b'', value)] if letter == 'F' else [value], letter)
    return [(b'', value)]


def nested_wire(levels: int, letter: bytes) -> bytes:
    """Give the same as bytes, without recursion, so that it may be as deep as one likes."""
    wire = b'\x00\x00\x00\x00'
    for _ in range(levels - 1):
        wire = sized((b'\x00' if letter == b'F' else b'') + letter + wire)
    return sized(b'\x00' + letter + wire)


@pytest.mark.parametrize('letter', ['F', 'A'])
def test_as_deep_as_the_bound_goes_both_ways(letter: str) -> None:
    table = nested(NESTING_LEVELS_MAX, letter)
    wire = encode_table(table)

    assert wire == nested_wire(NESTING_LEVELS_MAX, letter.encode())
    assert decode(wire) == table


@pytest.mark.parametrize('letter', ['F', 'A'])
def test_one_level_more_is_refused_both_ways(letter: str) -> None:
    with pytest.raises(ValueError, match='is nested more than 64 levels deep'):
        encode_table([*nested(NESTING_LEVELS_MAX, letter), *nested(NESTING_LEVELS_MAX + 1, letter)])
    with pytest.raises(WireError, match='a table is nested more than 64 levels deep'):
        decode(nested_wire(NESTING_LEVELS_MAX + 1, letter.encode()))


def test_a_table_that_holds_itself_is_refused() -> None:
    table: dict[str, Any] = {}
    table['self'] = table

    with pytest.raises(ValueError, match=r"^arguments\['self'\].*nested more than 64"):
        encode_table(table)


@pytest.mark.parametrize('letter', [b'F', b'A'])
def test_a_hostile_table_10_000_levels_deep_does_not_recurse(letter: bytes) -> None:
    with pytest.raises(WireError, match='nested more than 64 levels deep'):
        decode(nested_wire(10_000, letter))


def test_siblings_do_not_count_as_depth() -> None:
    table: list[Any] = [(b'', ([([], 'F')] * 1000, 'A'))] * 3

    assert decode(encode_table(table)) == table


# What cannot be read


@pytest.mark.parametrize(
    ('data', 'what', 'offset'),
    [
        (b'', '4 bytes are announced where 0 are left', 0),
        (b'\x00\x00\x00', '4 bytes are announced where 3 are left', 0),
        (b'\x00\x00\x00\x01', 'a table of 1 bytes, where 0 are left', 4),
        (b'\x00\x00\x00\x03\x01aZ', "unknown type letter 'Z' in a table", 7),
        (b'\x00\x00\x00\x02\x05a', '5 bytes are announced where 1 are left', 5),
        (b'\x00\x00\x00\x02\x01a', '1 bytes are announced where 0 are left', 6),
        (b'\x00\x00\x00\x03\x01at\x01', '1 bytes are announced where 0 are left', 7),
        (b'\x00\x00\x00\x07\x00F\x00\x00\x00\x02\x00', 'a table of 2 bytes, where 1 are left', 10),
    ],
)
def test_a_table_that_lies_is_an_error_that_says_where(data: bytes, what: str, offset: int) -> None:
    with pytest.raises(WireError) as caught:
        decode(data)
    assert caught.value.what == what
    assert caught.value.where == f'in a test at offset {offset}'
    assert caught.value.reply_code == SYNTAX_ERROR


@given(st.binary())
def test_garbage_is_a_table_or_an_error(data: bytes) -> None:
    for wire in (data, sized(data), sized(b'\x01a' + data)):
        try:
            table = read_table(Reader(wire, 0, len(wire), 'garbage'))
        except WireError:
            continue
        plain_table(table)


@given(typed_tables, st.data())
def test_a_mutated_table_is_a_table_or_an_error(table: list[Any], data: st.DataObject) -> None:
    wire = bytearray(encode_table(table))
    wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_table(Reader(bytes(wire), 0, len(wire), 'garbage'))
    except WireError as error:
        assert 'in garbage at offset' in error.where  # noqa: PT017 - it need not be raised


# For people


def test_a_plain_table_is_a_dict_of_plain_values() -> None:
    table = {
        'bool': True,
        'int': 5,
        'str': 'ż',
        'bytes': b'\xff',
        'binary': bytearray(b'abc'),
        'time': NOON,
        'none': None,
        'price': Decimal('1.1'),
        'table': {'array': [1, 'a', {'deep': b'\xfe'}]},
    }
    plain = plain_table(decode(encode_table(table)))

    assert plain == table
    assert type(plain['bytes']) is bytes
    assert type(plain['binary']) is bytes


def test_a_plain_table_takes_typed_values_that_did_not_come_from_the_wire() -> None:
    assert plain_table([(b'a', ('text', 'S'))]) == {'a': 'text'}


def test_a_name_that_is_no_utf_8_can_still_be_shown() -> None:
    assert plain_table([(b'a\xff', (1, 'I'))]) == {'a\\xff': 1}


@pytest.mark.parametrize('seconds', [2**64 - 1, 10**12])
def test_a_time_beyond_the_calendar_stays_a_number(seconds: int) -> None:
    assert plain_table([(b'a', (seconds, 'T'))]) == {'a': seconds}


# The names of CoolAMQP 2.x


def test_enframe_writes_and_deframe_reads_at_an_offset() -> None:
    buffer = BytesIO()
    enframe_table(buffer, {'a': True})
    wire = buffer.getvalue()

    assert wire == b'\x00\x00\x00\x04\x01at\x01'
    assert deframe_table(b'xx' + wire + b'more', 2) == ([(b'a', (True, 't'))], len(wire))
    assert deframe_table(memoryview(wire), 0) == ([(b'a', (True, 't'))], len(wire))


@pytest.mark.parametrize('offset', [-1, 5])
def test_deframe_outside_of_the_buffer_is_an_error(offset: int) -> None:
    with pytest.raises(WireError, match=f'no table here, at offset {offset} of 4'):
        deframe_table(b'\x00\x00\x00\x00', offset)
