"""The properties of a message, made here and received."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolamqp.exceptions import WireError
from coolamqp.framing import definitions
from coolamqp.framing.properties import (
    EMPTY_PROPERTIES,
    PROPERTY_NAMES,
    BasicContentPropertyList,
    ReceivedProperties,
    present_properties,
)
from coolamqp.framing.text import ReceivedBytes
from tests.framing.strategies import properties

# The flag of each property and the octets of a value, by hand from section 4.2.6.1.
GOLDEN: list[tuple[str, Any, bytes, bytes]] = [
    ('content_type', b'a/b', b'\x80\x00', b'\x03a/b'),
    ('content_encoding', b'gzip', b'\x40\x00', b'\x04gzip'),
    ('headers', [(b'k', (True, 't'))], b'\x20\x00', b'\x00\x00\x00\x04\x01kt\x01'),
    ('delivery_mode', 2, b'\x10\x00', b'\x02'),
    ('priority', 9, b'\x08\x00', b'\x09'),
    ('correlation_id', b'7', b'\x04\x00', b'\x017'),
    ('reply_to', b'q', b'\x02\x00', b'\x01q'),
    ('expiration', b'60000', b'\x01\x00', b'\x0560000'),
    ('message_id', b'm', b'\x00\x80', b'\x01m'),
    ('timestamp', 1_000_000_000, b'\x00\x40', b'\x00\x00\x00\x00\x3b\x9a\xca\x00'),
    ('type_', b't', b'\x00\x20', b'\x01t'),
    ('user_id', b'guest', b'\x00\x10', b'\x05guest'),
    ('app_id', b'app', b'\x00\x08', b'\x03app'),
    ('reserved', b'', b'\x00\x04', b'\x00'),
]
ALL: dict[str, Any] = {name: value for name, value, _, _ in GOLDEN}
ALL_ENCODED = b'\xff\xfc' + b''.join(encoded for _, _, _, encoded in GOLDEN)


@pytest.mark.parametrize(('name', 'value', 'flags', 'encoded'), GOLDEN)
def test_a_property_alone(name: str, value: Any, flags: bytes, encoded: bytes) -> None:
    made = BasicContentPropertyList(**{name: value})
    received = ReceivedProperties(flags + encoded)

    assert made.encoded == flags + encoded
    for each in (made, received):
        assert getattr(each, name) == value
        assert each.get(name) == value
        assert [other for other in PROPERTY_NAMES if each.get(other) is not None] == [name]


def test_all_properties_stand_in_the_order_of_their_flags() -> None:
    assert BasicContentPropertyList(**ALL).encoded == ALL_ENCODED
    assert {name: ReceivedProperties(ALL_ENCODED).get(name) for name in PROPERTY_NAMES} == ALL


@given(properties)
def test_what_goes_out_comes_in(given_properties: dict[str, Any]) -> None:
    received = ReceivedProperties(BasicContentPropertyList(**given_properties).encoded)

    for name in PROPERTY_NAMES:
        assert received.get(name) == given_properties.get(name)


def test_only_what_is_passed_is_sent() -> None:
    assert BasicContentPropertyList().encoded == b'\x00\x00'
    assert BasicContentPropertyList(content_type='').encoded == b'\x80\x00\x00'
    assert BasicContentPropertyList(headers={}).encoded == b'\x20\x00\x00\x00\x00\x00'
    assert BasicContentPropertyList(priority=0).encoded == b'\x08\x00\x00'


@pytest.mark.parametrize('name', PROPERTY_NAMES)
def test_what_is_absent_reads_as_none(name: str) -> None:
    assert getattr(EMPTY_PROPERTIES, name) is None
    assert EMPTY_PROPERTIES.get(name) is None
    assert EMPTY_PROPERTIES.get(name, 'default') == 'default'


def test_what_was_passed_reads_as_it_was_passed() -> None:
    noon = datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)
    made = BasicContentPropertyList(content_type='a/b', headers={'k': True}, timestamp=noon)

    assert made.content_type == 'a/b'
    assert made.headers == {'k': True}
    assert made.timestamp == noon
    assert ReceivedProperties(made.encoded).timestamp == 1_000_000_000


def test_what_is_received_has_received_bytes() -> None:
    assert isinstance(ReceivedProperties(ALL_ENCODED).content_type, ReceivedBytes)


@pytest.mark.parametrize(
    ('wrong', 'error', 'message'),
    [
        ({'content_type': 5}, TypeError, '^content_type must be str or bytes, not int'),
        ({'message_id': 'm' * 256}, ValueError, '^message_id is 256 bytes long'),
        ({'headers': 5}, TypeError, '^headers must be a dict or a list of pairs, not int'),
        ({'headers': {'a': {1}}}, TypeError, r"^headers\['a'\] is a set"),
        ({'delivery_mode': 3}, ValueError, '^delivery_mode is 3; it must be 1, transient, or 2'),
        ({'delivery_mode': 0}, ValueError, '^delivery_mode is 0'),
        ({'priority': 256}, ValueError, '^priority is 256; it must be from 0 to 255'),
        ({'priority': 'high'}, TypeError, '^priority must be an int, not str'),
        ({'timestamp': -1}, ValueError, '^timestamp is -1'),
        ({'timestamp': 1.5}, TypeError, '^timestamp must be an int, not float'),
        ({'content_typ': 'a/b'}, TypeError, 'content_typ'),
    ],
)
def test_a_wrong_property_is_an_error_at_once_that_names_it(
    wrong: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        BasicContentPropertyList(**wrong)


def test_they_are_immutable() -> None:
    for name in (*PROPERTY_NAMES, 'encoded', 'something_else'):
        with pytest.raises(AttributeError):
            setattr(BasicContentPropertyList(), name, 'x')


def test_they_are_keywords_only() -> None:
    with pytest.raises(TypeError):
        BasicContentPropertyList('text/plain')  # type: ignore[call-arg]


def test_get_of_an_unknown_name_is_an_error_that_lists_the_names() -> None:
    with pytest.raises(ValueError, match="no property is called 'type'; there are content_type, "):
        EMPTY_PROPERTIES.get('type')


def test_typize_gives_a_constructor_by_position() -> None:
    json = BasicContentPropertyList.typize('content_type', 'content_encoding')

    assert json('application/json', 'utf8') == BasicContentPropertyList(
        content_type='application/json', content_encoding='utf8'
    )


def test_typize_wants_known_names_and_as_many_values() -> None:
    with pytest.raises(ValueError, match="no property is called 'type'"):
        BasicContentPropertyList.typize('content_type', 'type')
    with pytest.raises(TypeError, match='2 values are needed: content_type, app_id'):
        BasicContentPropertyList.typize('content_type', 'app_id')('a/b')


def test_write_to_and_get_size_and_from_buffer_agree() -> None:
    made = BasicContentPropertyList(**ALL)
    buffer = BytesIO()
    made.write_to(buffer)

    assert buffer.getvalue() == made.encoded == ALL_ENCODED
    assert made.get_size() == len(ALL_ENCODED)
    assert BasicContentPropertyList.from_buffer(buffer.getvalue()) == made
    assert BasicContentPropertyList.from_buffer(memoryview(b'xyz' + ALL_ENCODED), 3) == made


def test_from_buffer_takes_the_property_list_and_not_what_follows() -> None:
    read = BasicContentPropertyList.from_buffer(b'xyz\x08\x00\x07\xce\x01\x02', 3)

    assert read == BasicContentPropertyList(priority=7)
    assert read.get_size() == 3


@pytest.mark.parametrize(('data', 'offset'), [(b'', 0), (b'\x00\x00', 1), (b'\x80\x00\x05a', 0)])
def test_from_buffer_of_something_else_is_an_error(data: bytes, offset: int) -> None:
    with pytest.raises(WireError, match='in the properties of a message at offset'):
        BasicContentPropertyList.from_buffer(data, offset)


def test_equal_is_what_looks_the_same_on_the_wire() -> None:
    text = BasicContentPropertyList(content_type='a/b', headers={'k': 'v'})
    binary = BasicContentPropertyList(content_type=b'a/b', headers=[(b'k', (b'v', 'S'))])
    received = ReceivedProperties(text.encoded)

    assert text == binary == received
    assert len({text, binary, received}) == 1
    assert text != BasicContentPropertyList(content_type='a/b')
    assert text != text.encoded
    assert ReceivedProperties(b'\x00\x00') == BasicContentPropertyList()


def test_they_can_be_copied_and_pickled() -> None:
    made = BasicContentPropertyList(**ALL)

    assert copy.deepcopy(made) == made
    assert pickle.loads(pickle.dumps(made)).headers == made.headers  # noqa: S301 - our own


def test_the_repr_shows_what_is_there() -> None:
    made = BasicContentPropertyList(content_type='a/b', priority=0)

    assert repr(made) == "MessageProperties(content_type='a/b', priority=0)"


def test_what_is_received_is_decoded_only_when_it_is_read() -> None:
    broken = ReceivedProperties(b'\x80\x00\x05a')  # a content type of five bytes, one there

    assert broken.get_size() == 4
    with pytest.raises(WireError, match='5 bytes are announced where 1 are left'):
        _ = broken.content_type


def test_what_is_received_is_decoded_once() -> None:
    received = ReceivedProperties(ALL_ENCODED)

    assert received.headers is received.headers


def test_more_flags_than_the_specification_has_are_an_error() -> None:
    with pytest.raises(WireError, match='more property flags are announced'):
        _ = ReceivedProperties(b'\x80\x01\x00\x00\x00').content_type


@given(st.binary())
def test_garbage_is_properties_or_an_error(data: bytes) -> None:
    received = ReceivedProperties(data)
    for name in PROPERTY_NAMES:
        try:
            received.get(name)
        except WireError:
            continue


def test_the_definitions_offer_them_too() -> None:
    assert definitions.BasicContentPropertyList is BasicContentPropertyList


def test_the_present_ones_of_encoded_properties() -> None:
    encoded = BasicContentPropertyList(priority=0, type_='a', headers={'b': 1}).encoded

    assert present_properties(encoded) == {
        'headers': [(b'b', (1, 'I'))],
        'priority': 0,
        'type_': b'a',
    }
    assert present_properties(b'\x00\x00') == {}
