"""The methods and constants, against the specification by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coolamqp.exceptions import WireError
from coolamqp.framing import definitions
from coolamqp.framing.definitions import METHODS, decode_method
from coolamqp.framing.frames import METHOD_INDEX

if TYPE_CHECKING:
    from coolamqp.framing.method import Method

NO_TABLE = b'\x00\x00\x00\x00'
GOLDEN: list[tuple[Method, bytes]] = [
    (
        definitions.ConnectionStart(0, 9, [(b'a', (True, 't'))], b'X1', b'en'),
        b'\x00\x0a\x00\x0a\x00\x09\x00\x00\x00\x04\x01at\x01\x00\x00\x00\x02X1\x00\x00\x00\x02en',
    ),
    (
        definitions.ConnectionStartOk([], b'PLAIN', b'\x00u\x00p', b'en_US'),
        b'\x00\x0a\x00\x0b\x00\x00\x00\x00\x05PLAIN\x00\x00\x00\x04\x00u\x00p\x05en_US',
    ),
    (
        definitions.ConnectionTuneOk(2047, 131072, 60),
        b'\x00\x0a\x00\x1f\x07\xff\x00\x02\x00\x00\x00\x3c',
    ),
    (definitions.ConnectionOpen(b'/'), b'\x00\x0a\x00\x28\x01/\x00\x00'),
    (definitions.ConnectionOpenOk(), b'\x00\x0a\x00\x29\x00'),
    (
        definitions.ConnectionClose(320, b'bye', 60, 40),
        b'\x00\x0a\x00\x32\x01\x40\x03bye\x00\x3c\x00\x28',
    ),
    (definitions.ConnectionBlocked(b'low'), b'\x00\x0a\x00\x3c\x03low'),
    (
        definitions.ConnectionUpdateSecret(b'new', b'old'),
        b'\x00\x0a\x00\x46\x00\x00\x00\x03new\x03old',
    ),
    (definitions.ChannelOpen(), b'\x00\x14\x00\x0a\x00'),
    (definitions.ChannelOpenOk(), b'\x00\x14\x00\x0b\x00\x00\x00\x00'),
    (definitions.ChannelFlow(True), b'\x00\x14\x00\x14\x01'),
    (
        definitions.AccessRequest(
            realm=b'/data', exclusive=False, passive=True, active=False, write=True, read=True
        ),
        b'\x00\x1e\x00\x0a\x05/data\x1a',
    ),
    (definitions.AccessRequestOk(1), b'\x00\x1e\x00\x0b\x00\x01'),
    (
        definitions.ExchangeDeclare(b'e', b'topic', False, True, False, True, False, []),
        b'\x00\x28\x00\x0a\x00\x00\x01e\x05topic\x0a' + NO_TABLE,
    ),
    (definitions.ExchangeDelete(b'e', True, False), b'\x00\x28\x00\x14\x00\x00\x01e\x01'),
    (
        definitions.ExchangeBind(b'd', b's', b'k', True, []),
        b'\x00\x28\x00\x1e\x00\x00\x01d\x01s\x01k\x01' + NO_TABLE,
    ),
    (definitions.ExchangeUnbindOk(), b'\x00\x28\x00\x33'),
    (
        definitions.QueueDeclare(b'q', False, True, False, True, True, []),
        b'\x00\x32\x00\x0a\x00\x00\x01q\x1a' + NO_TABLE,
    ),
    (
        definitions.QueueDeclareOk(b'q', 5, 2),
        b'\x00\x32\x00\x0b\x01q\x00\x00\x00\x05\x00\x00\x00\x02',
    ),
    (
        definitions.QueueUnbind(b'q', b'e', b'k', []),
        b'\x00\x32\x00\x32\x00\x00\x01q\x01e\x01k' + NO_TABLE,
    ),
    (definitions.BasicQos(0, 10, True), b'\x00\x3c\x00\x0a\x00\x00\x00\x00\x00\x0a\x01'),
    (
        definitions.BasicConsume(b'q', b't', False, True, False, True, []),
        b'\x00\x3c\x00\x14\x00\x00\x01q\x01t\x0a' + NO_TABLE,
    ),
    (
        definitions.BasicPublish(b'e', b'k', True, False),
        b'\x00\x3c\x00\x28\x00\x00\x01e\x01k\x01',
    ),
    (
        definitions.BasicReturn(312, b'NO_ROUTE', b'', b'k'),
        b'\x00\x3c\x00\x32\x01\x38\x08NO_ROUTE\x00\x01k',
    ),
    (
        definitions.BasicDeliver(b't', 258, True, b'e', b'k'),
        b'\x00\x3c\x00\x3c\x01t\x00\x00\x00\x00\x00\x00\x01\x02\x01\x01e\x01k',
    ),
    (
        definitions.BasicGetOk(1, False, b'e', b'k', 7),
        b'\x00\x3c\x00\x47\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01e\x01k\x00\x00\x00\x07',
    ),
    (definitions.BasicGetEmpty(), b'\x00\x3c\x00\x48\x00'),
    (definitions.BasicAck(1, True), b'\x00\x3c\x00\x50\x00\x00\x00\x00\x00\x00\x00\x01\x01'),
    (
        definitions.BasicNack(1, False, True),
        b'\x00\x3c\x00\x78\x00\x00\x00\x00\x00\x00\x00\x01\x02',
    ),
    (definitions.ConfirmSelect(True), b'\x00\x55\x00\x0a\x01'),
    (definitions.TxCommitOk(), b'\x00\x5a\x00\x15'),
]


@pytest.mark.parametrize(('method', 'payload'), GOLDEN, ids=lambda each: getattr(each, 'NAME', ''))
def test_methods_look_as_the_specification_says(method: Method, payload: bytes) -> None:
    assert METHOD_INDEX.pack(*method.INDEX) + method.encode_arguments() == payload
    assert decode_method(payload) == method


def test_every_class_of_a_method_is_listed_under_its_index() -> None:
    listed = {cls.__name__: index for index, cls in METHODS.items()}
    defined = {
        name: each.INDEX
        for name, each in vars(definitions).items()
        if getattr(each, 'NAME', '') and name != 'Method'
    }

    assert listed == defined
    assert len(listed) == 66


@pytest.mark.parametrize('cls', METHODS.values(), ids=lambda cls: cls.NAME)
def test_the_name_of_a_method_is_that_of_its_class(cls: type[Method]) -> None:
    assert cls.__name__ == cls.NAME.replace('.', '-').title().replace('-', '')


def test_the_answers_of_a_method_are_those_of_the_specification() -> None:
    names = {cls.NAME for cls in METHODS.values()}
    answered_by_broker = {cls.NAME: cls.ANSWERS for cls in METHODS.values() if cls.ANSWERS}

    assert answered_by_broker.pop('basic.get') == ('basic.get-ok', 'basic.get-empty')
    assert answered_by_broker == {
        name: (f'{name}-ok',)
        for name in names
        if f'{name}-ok' in names
        # The broker asks these, and the handshake has an order of its own.
        and name not in ('connection.start', 'connection.secure', 'connection.tune', 'basic.get')
    }


def test_the_constants_of_frames_are_those_of_the_specification() -> None:
    assert (definitions.FRAME_METHOD, definitions.FRAME_HEADER) == (1, 2)
    assert (definitions.FRAME_BODY, definitions.FRAME_HEARTBEAT) == (3, 8)
    assert (definitions.FRAME_END, definitions.FRAME_MIN_SIZE) == (206, 4096)


def test_all_names_of_the_module_exist() -> None:
    assert set(definitions.__all__) <= set(vars(definitions))
    assert {cls.__name__ for cls in METHODS.values()} <= set(definitions.__all__)


@pytest.mark.parametrize(
    ('payload', 'what', 'reply_code'),
    [
        (b'', 'a method frame without a method', 502),
        (b'\x00\x0a\x00', 'a method frame without a method', 502),
        (b'\x00\x3c\x00\x63', 'there is no method 60.99', 540),
        (b'\x01\x00\x01\x00', 'there is no method 256.256', 540),
        (b'\x00\x00\x00\x0a', 'there is no method 0.10', 503),
    ],
)
def test_a_method_that_does_not_exist_is_an_error(
    payload: bytes, what: str, reply_code: int
) -> None:
    with pytest.raises(WireError) as caught:
        decode_method(payload)
    assert caught.value.what == what
    assert caught.value.reply_code == reply_code
