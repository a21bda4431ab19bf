"""Messages as JSON, and back without a loss."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolamqp.cli.records import message_of, record_of
from coolamqp.objects import Message, MessageProperties, ReceivedMessage
from tests.framing.strategies import typed_tables

SHORT = st.binary(max_size=20)
PROPERTIES = st.builds(
    MessageProperties,
    content_type=st.none() | SHORT,
    headers=st.none() | typed_tables,
    delivery_mode=st.sampled_from([None, 1, 2]),
    priority=st.none() | st.integers(0, 255),
    timestamp=st.none() | st.integers(0, 2**63),
    type_=st.none() | SHORT,
    reserved=st.none() | SHORT,
)


@given(st.binary(max_size=50), SHORT, SHORT, PROPERTIES)
def test_a_message_comes_back_as_it_went(
    body: bytes, exchange: bytes, key: bytes, properties: MessageProperties
) -> None:
    received = ReceivedMessage(body, exchange, key, properties)

    line = json.dumps(record_of(received), allow_nan=False)

    assert message_of(json.loads(line)) == (Message(body, properties), exchange, key)


def test_common_messages_are_plain_json() -> None:
    headers = {
        'attempt': 3,
        'why': 'late',
        'paid': True,
        'ratio': 0.5,
        'tags': ['a'],
        'of': {'b': 1},
    }
    properties = MessageProperties(content_type='text/plain', type_='order', headers=headers)

    assert record_of(ReceivedMessage(b'hi', 'x', 'k', properties), redelivered=True) == {
        'exchange': 'x',
        'routing_key': 'k',
        'body': 'hi',
        'properties': {'content_type': 'text/plain', 'type': 'order'},
        'headers': headers,
        'redelivered': True,
    }


def test_what_json_lacks_is_an_object_in_its_place() -> None:
    headers = [('d', (Decimal('1.50'), 'D')), ('t', (5, 'T')), ('b', (5, 'B')), ('x', (b'\0', 'x'))]
    record = record_of(ReceivedMessage(b'\xff', 'x', 'k', MessageProperties(headers=headers)))

    assert record['body'] == {'$base64': '/w=='}
    assert record['headers'] == {
        'd': {'$type': 'D', 'value': '1.50'},
        't': {'$type': 'T', 'value': 5},
        'b': {'$type': 'B', 'value': 5},
        'x': {'$type': 'x', 'value': 'AA=='},
    }


def test_all_members_have_defaults() -> None:
    assert message_of({}) == (Message(b''), b'', b'')


@pytest.mark.parametrize(
    ('record', 'message'),
    [
        ([], 'must be a JSON object'),
        ({'bodi': 'x'}, "a message has no 'bodi'; it has exchange"),
        ({'body': 5}, '5 must be a text'),
        ({'body': {'$base64': '%'}}, ''),
        ({'properties': {'color': 'red'}}, "no property is called 'color'"),
        ({'properties': {'priority': 'high'}}, 'this is no message: priority'),
        ({'properties': {'delivery_mode': 7}}, 'delivery_mode is 7'),
        ({'headers': []}, 'this is no message'),
        ({'headers': {'a': {'$type': 'D', 'value': 'x'}}}, 'this is no message'),
        ({'headers': {'a': {'$type': 'Q', 'value': 1}}}, "there is no type 'Q'"),
    ],
)
def test_what_is_no_message_is_refused(record: Any, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        message_of(record)

    assert message in str(refused.value)
