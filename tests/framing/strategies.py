"""What hypothesis draws from: typed tables, properties, and every method with its fields."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from coolamqp.framing.definitions import METHODS
from coolamqp.framing.method import layout
from coolamqp.framing.properties import PROPERTY_NAMES

if TYPE_CHECKING:
    from coolamqp.framing.method import Method

long_strings = st.binary(max_size=300)
short_strings = st.binary(max_size=255)


def signed(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def unsigned(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1)


decimals = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places), signed(32), st.integers(0, 255)
)

SCALARS: dict[str, st.SearchStrategy[Any]] = {
    't': st.booleans(),
    'b': signed(8),
    'B': unsigned(8),
    's': signed(16),
    'u': unsigned(16),
    'I': signed(32),
    'i': unsigned(32),
    'l': signed(64),
    'L': unsigned(64),
    'f': st.floats(width=32, allow_nan=False, allow_infinity=False),
    'd': st.floats(allow_nan=False, allow_infinity=False),
    'D': decimals,
    'S': long_strings,
    'x': long_strings,
    'T': unsigned(64),
    'V': st.none(),
}


def _typed(letter: str) -> st.SearchStrategy[tuple[Any, str]]:
    return st.tuples(SCALARS[letter], st.just(letter))


def _table_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.tuples(st.binary(max_size=20), values), max_size=5)


def _containers(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    arrays = st.lists(values, max_size=5)
    return st.tuples(arrays, st.just('A')) | st.tuples(_table_of(values), st.just('F'))


typed_values = st.recursive(
    st.sampled_from(sorted(SCALARS)).flatmap(_typed), _containers, max_leaves=12
)
typed_tables = _table_of(typed_values)

FIELDS: dict[str, st.SearchStrategy[Any]] = {
    'octet': unsigned(8),
    'short': unsigned(16),
    'long': unsigned(32),
    'longlong': unsigned(64),
    'bit': st.booleans(),
    'shortstr': short_strings,
    'longstr': long_strings,
    'table': typed_tables,
}


def fields_of(cls: type[Method]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(*(FIELDS[kind] for _, kind in layout(cls)))


def _filled(cls: type[Method]) -> st.SearchStrategy[Method]:
    return fields_of(cls).map(lambda values: cls(*values))


methods = st.sampled_from(list(METHODS.values())).flatmap(_filled)

properties = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(PROPERTY_NAMES, short_strings),
        'headers': typed_tables,
        'delivery_mode': st.sampled_from((1, 2)),
        'priority': unsigned(8),
        'timestamp': unsigned(64),
    },
)
