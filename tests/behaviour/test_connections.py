"""An open connection: methods on channel 0, frames that are wrong, closing."""

from __future__ import annotations

import pytest

from coolamqp.framing.definitions import (
    BasicPublish,
    ChannelOpen,
    ConnectionBlocked,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionOpen,
    ConnectionSecureOk,
    ConnectionStartOk,
    ConnectionTuneOk,
    ConnectionUnblocked,
    ConnectionUpdateSecret,
    ConnectionUpdateSecretOk,
    QueueDeclare,
)
from coolamqp.framing.method import Method
from tests.behaviour.brokers import BrokerUnderTest
from tests.behaviour.client import RawChannel, RawConnection
from tests.behaviour.conftest import Connect, Vhosts
from tests.behaviour.texts import Refusal, channel_error, unexpected_frame

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
FRAME_MAX = 8192


def frame_error(text: str) -> Refusal:
    """Return the error 501."""
    return 501, f'FRAME_ERROR - {text}'


def envelope(kind: int, channel: int, payload: bytes, end: bytes = b'\xce') -> bytes:
    """Return a frame, whatever is wrong with it."""
    head = bytes([kind]) + channel.to_bytes(2, 'big') + len(payload).to_bytes(4, 'big')
    return head + payload + end


@pytest.fixture(scope='module')
def vhost(vhosts: Vhosts) -> str:
    """The name of one virtual host for all these tests: none leaves what another minds."""
    return vhosts.take()


# -- methods on channel 0


@pytest.mark.parametrize(
    'method',
    [
        ConnectionStartOk({}, 'PLAIN', b'\0guest\0guest', 'en_US'),
        ConnectionSecureOk('response'),
        ConnectionTuneOk(2047, 131072, 0),
        ConnectionOpen('/'),
        ConnectionCloseOk(),
        ConnectionBlocked('reason'),
        ConnectionUnblocked(),
        ChannelOpen(),
        QueueDeclare('q'),
        BasicPublish('', 'q'),
    ],
    ids=lambda method: str(method.NAME),
)
def test_a_method_that_is_not_expected_on_channel_0(
    connection: RawConnection, method: Method
) -> None:
    assert connection.refused(method) == channel_error(
        'unexpected method in connection state running'
    )
    assert connection.blamed == method.INDEX


def test_updating_the_secret(connection: RawConnection) -> None:
    # The backend of RabbitMQ for users with passwords accepts any.
    for secret in ('guest', 'another'):
        answer = connection.call(ConnectionUpdateSecret(secret, 'a reason'))
        assert answer == ConnectionUpdateSecretOk()


# -- closing


def test_the_client_closes(connection: RawConnection, channel: RawChannel) -> None:
    answer = connection.call(ConnectionClose(200, 'bye', 0, 0))

    assert answer == ConnectionCloseOk()


def test_methods_after_the_close_of_the_client_are_ignored(connection: RawConnection) -> None:
    connection.send(0, ConnectionClose(200, 'bye', 0, 0))
    connection.send(1, ChannelOpen())

    assert connection.expect(ConnectionCloseOk) == ConnectionCloseOk()


def test_the_client_may_close_amid_a_content(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.send(BasicPublish('', 'q'))

    assert connection.call(ConnectionClose(200, 'bye', 0, 0)) == ConnectionCloseOk()


def test_the_broker_closes_all_connections(
    broker: BrokerUnderTest, connection: RawConnection, other_connection: RawConnection
) -> None:
    broker.close_all_connections()

    for each in (connection, other_connection):
        assert each.expect_close() == (320, 'CONNECTION_FORCED - on order')
        each.wire.expect_end()


def test_an_error_of_a_connection_closes_its_socket(connection: RawConnection) -> None:
    connection.refused(ConnectionOpen('/'))

    connection.wire.expect_end()


def test_an_error_of_a_connection_is_not_felt_by_others(
    connection: RawConnection, other_channel: RawChannel
) -> None:
    connection.refused(ConnectionOpen('/'))

    other_channel.expect_nothing()


# -- frames


@pytest.mark.parametrize(
    ('frame', 'error'),
    [
        (
            envelope(HEARTBEAT, 1, b''),
            unexpected_frame('type 8, all octets = <<>>'),
        ),
        (
            envelope(HEARTBEAT, 0, b'x'),
            frame_error('type 8, all octets = <<"x">>: unknown_frame'),
        ),
        (envelope(9, 0, b''), frame_error('type 9, all octets = <<>>: unknown_frame')),
        (envelope(9, 1, b''), frame_error('type 9, all octets = <<>>: unknown_frame')),
        (
            envelope(0, 1, b'abcd'),
            frame_error('type 0, all octets = <<"abcd">>: unknown_frame'),
        ),
        (
            envelope(METHOD, 1, b'\0\x14\0\x0a\0', b'\xcf'),
            frame_error('type 1, all octets = <<0,20,0,10,0>>: {invalid_frame_end_marker,207}'),
        ),
        (
            envelope(METHOD, 1, b'x' * (FRAME_MAX + 1)),
            frame_error('type 1, all octets = <<>>: {frame_too_large,8193,8184}'),
        ),
        (
            envelope(METHOD, 1, b''),
            frame_error('type 1, all octets = <<>>: unknown_frame'),
        ),
        (
            envelope(METHOD, 1, b'\0\x32'),
            frame_error('type 1, all octets = <<0,50>>: unknown_frame'),
        ),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else '',
)
def test_a_frame_that_is_none(
    broker: BrokerUnderTest, connect: Connect, frame: bytes, error: Refusal
) -> None:
    connection = connect(frame_max=FRAME_MAX)
    connection.channel()

    connection.wire.send(frame)

    if broker.kind == 'rabbitmq':
        assert connection.expect_close() == error
    else:  # It has words of its own for what is no frame.
        assert connection.expect_close()[0] == 501
    assert connection.blamed == (0, 0)


def test_a_frame_may_be_a_little_too_long(connect: Connect) -> None:
    # RabbitMQ allows the envelope beyond frame_max.
    connection = connect(frame_max=FRAME_MAX)
    channel = connection.channel()
    channel.queue('q')
    channel.send(BasicPublish('', 'q'))
    channel.send_header(FRAME_MAX)

    connection.send_frame(BODY, channel.number, b'x' * FRAME_MAX)

    assert channel.await_get('q').body == b'x' * FRAME_MAX


@pytest.mark.parametrize(
    ('payload', 'index', 'octets'),
    [
        (b'\0\x32\0\x0a\0', (50, 10), '<<0>>'),
        (
            b'\0\x32\0\x0a\0\0\x01q\0\0\0\0\0zzz',
            (50, 10),
            '<<0,0,1,113,0,0,0,0,0,122,122,122>>',
        ),
    ],
    ids=['truncated', 'too long'],
)
def test_a_method_with_wrong_fields(
    connection: RawConnection,
    channel: RawChannel,
    payload: bytes,
    index: tuple[int, int],
    octets: str,
) -> None:
    connection.send_frame(METHOD, channel.number, payload)

    assert connection.expect_close() == frame_error(f'cannot decode {octets}')
    assert connection.blamed == index


@pytest.mark.parametrize('name', [b'q\xff', b'\xc5'])
def test_a_name_that_is_no_utf8(
    connection: RawConnection, channel: RawChannel, name: bytes
) -> None:
    assert connection.refused(QueueDeclare(name), channel.number) == frame_error(
        'Malformed UTF-8 in shortstr'
    )


@pytest.mark.parametrize(
    ('channel_number', 'payload'),
    [
        (1, b'\0\x63\0\x0a'),
        (1, b'\0\x32\0\x63'),
        (1, b'\0\0\0\0'),
        (0, b'\0\x63\0\x0a'),
        (0, b'\0\x0a\0\x63'),
        (1, b'\0\x32\0\x0a\0\0\x01q\0\0\0\0\5\x01aQxx'),
    ],
    ids=[
        'class', 'method', 'class 0', 'class on channel 0', 'method on channel 0', 'type of value'
    ],
)  # fmt: skip
def test_an_unknown_method_or_type_cuts_the_connection(
    broker: BrokerUnderTest,
    connection: RawConnection,
    channel: RawChannel,
    channel_number: int,
    payload: bytes,
) -> None:
    # RabbitMQ cannot decode them, and closes the socket without a word.
    connection.send_frame(METHOD, channel_number, payload)

    if broker.kind == 'rabbitmq':
        connection.expect_cut()
    else:  # It says what is wrong.
        assert connection.expect_close()[0] in (501, 503, 540)
