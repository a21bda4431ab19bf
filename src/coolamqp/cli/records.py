"""Messages as JSON: one object a line, without any loss, so that a message can be published again.

A record has `exchange`, `routing_key`, `body`, `properties` and `headers`. Where JSON has no value
of the same kind, an object takes its place: `{"$base64": ...}` for bytes that are no UTF-8, and
`{"$type": LETTER, "value": ...}` for a value of another type of field tables.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from decimal import Decimal
from math import isfinite
from typing import Any, Final

from coolamqp.framing.field_table import TypedTable, TypedValue, letter_of
from coolamqp.framing.properties import PROPERTY_NAMES, BasicContentPropertyList
from coolamqp.objects import Message, ReceivedMessage
from coolamqp.objects.message import flat_body

BASE64: Final = '$base64'
TYPE: Final = '$type'
# All letters but those of tables, arrays and texts.
LETTERS: Final = 'bBsuIilLfdTtDxV'
# The letters that JSON values have in a table, if nothing else is said.
_OF_JSON: Final = ('t', 'I', 'l', 'd', 'V')
# Names of properties that differ in Python.
NAMES: Final = {name: name.rstrip('_') for name in PROPERTY_NAMES if name != 'headers'}
_MEMBERS: Final = ('exchange', 'routing_key', 'body', 'properties', 'headers')
# Further members of records, which say something about a delivery.
_NOTES: Final = ('redelivered', 'time')


def record_of(message: ReceivedMessage, **notes: object) -> dict[str, Any]:
    """Return a message as a JSON object; `notes` are further members."""
    properties = message.properties
    record: dict[str, Any] = {
        'exchange': _from_text(message.exchange_name),
        'routing_key': _from_text(message.routing_key),
        'body': _from_text(bytes(flat_body(message.body))),
        'properties': {
            shown: _from_property(properties.get(name))
            for name, shown in NAMES.items()
            if properties.get(name) is not None
        },
    }
    if properties.headers is not None:
        record['headers'] = _from_table(properties.headers)
    return record | notes


def record_in(line: bytes) -> Any:
    """Return what a line of JSON has in it.

    :raises ValueError: it is no JSON; the text says why
    """
    try:
        return json.loads(line)
    except ValueError as error:
        raise ValueError(f'this is no JSON: {error}') from error


def message_of(record: Any) -> tuple[Message, bytes, bytes]:
    """Return the message of a record, its exchange and its routing key.

    :raises ValueError: it is no such record; the text says why
    """
    if not isinstance(record, dict):
        shown = json.dumps(record)[:40]
        raise ValueError(f'a message must be a JSON object, not {shown}')  # noqa: TRY004 - input
    unknown = [name for name in record if name not in (*_MEMBERS, *_NOTES)]
    if unknown:
        raise ValueError(f'a message has no {unknown[0]!r}; it has {", ".join(_MEMBERS)}')
    try:
        properties = _to_properties(record.get('properties') or {}, record.get('headers'))
        body = _to_bytes(record.get('body', ''))
        exchange = _to_bytes(record.get('exchange', ''))
        return Message(body, properties), exchange, _to_bytes(record.get('routing_key', ''))
    except (TypeError, AttributeError, KeyError, ArithmeticError) as error:
        raise ValueError(f'this is no message: {error}') from error


def _to_properties(given: dict[str, Any], headers: Any) -> BasicContentPropertyList:
    values: dict[str, Any] = {}
    for name, shown in NAMES.items():
        if shown in given:
            value = given[shown]
            values[name] = value if isinstance(value, int) else _to_bytes(value)
    unknown = [name for name in given if name not in NAMES.values()]
    if unknown:
        known = ', '.join(NAMES.values())
        raise ValueError(f'no property is called {unknown[0]!r}; there are {known}')
    if headers is not None:
        values['headers'] = _to_table(headers)
    return BasicContentPropertyList(**values)


# Texts and bytes


def _from_text(value: bytes) -> Any:
    try:
        return bytes(value).decode('utf-8')
    except UnicodeDecodeError:
        return {BASE64: base64.b64encode(value).decode('ascii')}


def _to_bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode('utf-8')
    if isinstance(value, dict) and list(value) == [BASE64]:
        return base64.b64decode(value[BASE64], validate=True)
    raise ValueError(f'{json.dumps(value)[:40]} must be a text, or {{"{BASE64}": "..."}}')


def _from_property(value: Any) -> Any:
    return value if isinstance(value, int) else _from_text(value)


# Field tables


def _from_table(table: Iterable[tuple[bytes, TypedValue]]) -> Any:
    """Return a table as a JSON object, or as a list of pairs where an object cannot be the same."""
    pairs = [(_from_text(name), _from_value(*typed)) for name, typed in table]
    names = [name for name, _ in pairs]
    are_plain = all(isinstance(name, str) and not name.startswith('$') for name in names)
    if are_plain and len(set(names)) == len(names):
        return dict(pairs)
    return {TYPE: 'F', 'value': [list(pair) for pair in pairs]}


def _from_value(value: Any, letter: str) -> Any:
    if letter == 'F':
        return _from_table(value)
    if letter == 'A':
        return [_from_value(*item) for item in value]
    if letter == 'S':
        return _from_text(value)
    is_finite = not isinstance(value, float) or isfinite(value)
    if letter in _OF_JSON and is_finite and letter_of(value, 'header') == letter:
        return value
    if letter == 'x':
        shown: Any = base64.b64encode(value).decode('ascii')
    else:
        shown = str(value) if letter == 'D' or not is_finite else value
    return {TYPE: letter, 'value': shown}


def _to_table(value: Any) -> TypedTable:
    if isinstance(value, dict) and TYPE in value:
        return [(_to_bytes(name), _to_value(inner)) for name, inner in value['value']]
    return [(name.encode('utf-8'), _to_value(inner)) for name, inner in value.items()]


def _to_value(value: Any) -> TypedValue:
    if isinstance(value, str):
        return value.encode('utf-8'), 'S'
    if isinstance(value, list):
        return [_to_value(item) for item in value], 'A'
    if not isinstance(value, dict):
        return value, letter_of(value, 'header')
    if BASE64 in value:
        return _to_bytes(value), 'S'
    if value.get(TYPE, 'F') == 'F':
        return _to_table(value), 'F'
    return _special(value[TYPE], value['value']), value[TYPE]


def _special(letter: str, value: Any) -> Any:
    if letter not in LETTERS:
        raise ValueError(
            f'there is no type {letter!r} of field tables; there are {", ".join(LETTERS)}'
        )
    if letter == 'x':
        return base64.b64decode(value, validate=True)
    if letter == 'D':
        return Decimal(value)
    return float(value) if letter in 'fd' else value
