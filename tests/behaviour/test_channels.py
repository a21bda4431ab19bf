"""Channels: opening, closing, flow, methods and contents in the wrong place."""

from __future__ import annotations

import pytest

from coolamqp.framing.definitions import (
    AccessRequest,
    AccessRequestOk,
    BasicAck,
    BasicDeliver,
    BasicGetEmpty,
    BasicPublish,
    BasicReturn,
    ChannelClose,
    ChannelCloseOk,
    ChannelFlow,
    ChannelFlowOk,
    ChannelOpen,
    ChannelOpenOk,
    ConnectionClose,
    ConnectionOpen,
    ExchangeDeclareOk,
    QueueDeclare,
    QueueDeclareOk,
)
from coolamqp.framing.method import Method
from tests.behaviour.brokers import BrokerUnderTest
from tests.behaviour.client import RawChannel, RawConnection
from tests.behaviour.conftest import Vhosts
from tests.behaviour.texts import (
    Refusal,
    channel_error,
    command_invalid,
    not_implemented,
    unexpected_frame,
)

METHOD, HEADER, BODY = 1, 2, 3
NO_METHOD = unexpected_frame('expected method frame, got non method frame instead')
NO_HEADER = unexpected_frame(
    'expected content header for class 60, got non content header frame instead'
)
NO_BODY = unexpected_frame('expected content body, got non content body frame instead')
PUBLISH = (60, 40)


@pytest.fixture(scope='module')
def vhost(vhosts: Vhosts) -> str:
    """The name of one virtual host for all these tests: none leaves what another minds."""
    return vhosts.take()


# -- opening


def test_opening_twice(connection: RawConnection, channel: RawChannel) -> None:
    assert connection.refused(ChannelOpen(), channel.number) == channel_error(
        "second 'channel.open' seen"
    )
    assert connection.blamed == (20, 10)


@pytest.mark.parametrize(
    'method',
    [QueueDeclare('q'), ChannelClose(200, '', 0, 0), ChannelCloseOk(),
     ChannelFlow(active=True), ConnectionClose(200, '', 0, 0)],
    ids=lambda method: str(method.NAME),
)  # fmt: skip
def test_a_channel_that_is_not_open(connection: RawConnection, method: Method) -> None:
    assert connection.refused(method, 7) == channel_error("expected 'channel.open'")
    assert connection.blamed == method.INDEX


def test_publishing_on_a_channel_that_is_not_open(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.close()
    channel.publish(b'body')

    assert connection.expect_close() == channel_error("expected 'channel.open'")
    assert connection.blamed == PUBLISH


@pytest.mark.parametrize('kind', [HEADER, BODY])
def test_a_content_on_a_channel_that_is_not_open(connection: RawConnection, kind: int) -> None:
    connection.send_frame(kind, 7, bytes(14))

    assert connection.expect_close() == NO_METHOD


def test_channels_have_any_numbers(connection: RawConnection) -> None:
    for number in (2047, 5, 1, 1000):
        channel = connection.channel(number)
        assert channel.call(QueueDeclare('q', durable=True)).queue == b'q'


# -- closing


def test_a_closed_channel_can_be_opened_again(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.close()

    assert connection.channel(channel.number).call(ChannelFlow(active=True))


def test_using_a_closed_channel(connection: RawConnection, channel: RawChannel) -> None:
    channel.close()

    assert connection.refused(QueueDeclare('q'), channel.number) == channel_error(
        "expected 'channel.open'"
    )


def test_close_ok_for_an_open_channel(connection: RawConnection, channel: RawChannel) -> None:
    assert connection.refused(ChannelCloseOk(), channel.number) == command_invalid(
        'unimplemented method'
    )


def test_methods_between_error_and_close_ok_are_ignored(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.send(BasicAck(5))
    channel.send(QueueDeclare('never'))
    channel.publish(b'ignored')
    assert channel.expect_close(BasicAck.INDEX)[0] == 406

    again = connection.channel(channel.number)

    assert again.refused(QueueDeclare('never', passive=True))[0] == 404


def test_an_error_of_a_channel_is_not_felt_by_others(
    connection: RawConnection, channel: RawChannel
) -> None:
    second = connection.channel()
    second.refused(BasicAck(5))

    channel.expect_nothing()


def test_both_sides_close_at_once(connection: RawConnection, channel: RawChannel) -> None:
    channel.send(BasicAck(5))
    channel.send(ChannelClose(200, 'bye', 0, 0))
    assert channel.expect_close(BasicAck.INDEX)[0] == 406

    again = connection.channel(channel.number)

    assert again.expect(ChannelCloseOk) == ChannelCloseOk()
    again.expect_nothing()


# -- methods that are not for the broker


@pytest.mark.parametrize(
    'method',
    [ChannelOpenOk(), ChannelFlowOk(active=True), QueueDeclareOk(b'q', 0, 0), ExchangeDeclareOk(),
     BasicGetEmpty(), ConnectionOpen('/'), ConnectionClose(200, '', 0, 0)],
    ids=lambda method: str(method.NAME),
)  # fmt: skip
def test_methods_that_a_channel_does_not_accept(
    connection: RawConnection, channel: RawChannel, method: Method
) -> None:
    assert connection.refused(method, channel.number) == command_invalid('unimplemented method')
    assert connection.blamed == method.INDEX


@pytest.mark.parametrize('method', [BasicDeliver('tag', 1), BasicReturn(312, 'text')])
def test_a_method_with_content_that_is_not_for_the_broker(
    connection: RawConnection, channel: RawChannel, method: Method
) -> None:
    channel.send(method)
    channel.send(ChannelFlow(active=True))

    assert connection.expect_close() == NO_HEADER


def test_access_request_is_answered(channel: RawChannel) -> None:
    assert channel.call(AccessRequest('/data', active=True)) == AccessRequestOk(1)


# -- flow


def test_flow_can_be_switched_on(channel: RawChannel) -> None:
    assert channel.call(ChannelFlow(active=True)) == ChannelFlowOk(active=True)


def test_flow_cannot_be_switched_off(channel: RawChannel) -> None:
    assert channel.refused(ChannelFlow(active=False)) == not_implemented('active=false')


# -- contents


@pytest.mark.parametrize('kind', [HEADER, BODY])
def test_a_content_without_a_method(
    connection: RawConnection, channel: RawChannel, kind: int
) -> None:
    connection.send_frame(kind, channel.number, b'\0\x3c' + bytes(12))

    assert connection.expect_close() == NO_METHOD
    assert connection.blamed == (0, 0)


def header(size: int, class_id: int = 60, flags: int = 0) -> tuple[int, bytes]:
    """Return kind and payload of a header frame."""
    fields = ((class_id, 2), (0, 2), (size, 8), (flags, 2))
    return HEADER, b''.join(value.to_bytes(length, 'big') for value, length in fields)


FLOW = (METHOD, b'\0\x14\0\x14\x01')


@pytest.mark.parametrize(
    ('frames', 'error'),
    [
        ([FLOW], NO_HEADER),
        ([(BODY, b'x')], NO_HEADER),
        ([header(5), header(5)], NO_BODY),
        ([header(5), FLOW], NO_BODY),
        ([header(5), (BODY, b'12'), FLOW], NO_BODY),
        (
            [header(5, class_id=50)],
            unexpected_frame('expected content header for class 60, got one for class 50 instead'),
        ),
    ],
    ids=['method', 'body', 'second header', 'method amid body', 'method later', 'class'],
)
def test_frames_of_a_content_out_of_order(
    connection: RawConnection,
    channel: RawChannel,
    frames: list[tuple[int, bytes]],
    error: Refusal,
) -> None:
    channel.send(BasicPublish('', 'nowhere'))
    for kind, payload in frames:
        connection.send_frame(kind, channel.number, payload)

    assert connection.expect_close() == error
    assert connection.blamed == PUBLISH


@pytest.mark.parametrize(
    ('frames', 'text'),
    [
        (
            [header(536870913)],
            'content body size 536870913 exceeds maximum allowed size 536870912',
        ),
        ([header(5), (BODY, b'123456')], 'content body frame exceeds remaining content size'),
    ],
    ids=['announced', 'more than announced'],
)
def test_a_body_that_is_too_long(
    broker: BrokerUnderTest,
    connection: RawConnection,
    channel: RawChannel,
    frames: list[tuple[int, bytes]],
    text: str,
) -> None:
    if broker.version < (4, 3):
        pytest.skip('older versions wait for the whole body')
    channel.send(BasicPublish('', 'nowhere'))
    for kind, payload in frames:
        connection.send_frame(kind, channel.number, payload)

    assert connection.expect_close() == (501, f'FRAME_ERROR - {text}')
    assert connection.blamed == PUBLISH


def test_the_client_cannot_close_a_channel_amid_a_content(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.send(BasicPublish('', 'nowhere'))
    channel.send(ChannelClose(200, 'bye', 0, 0))

    assert connection.expect_close() == NO_HEADER


def test_properties_that_are_cut_off(connection: RawConnection, channel: RawChannel) -> None:
    channel.send(BasicPublish('', 'nowhere'))
    connection.send_frame(HEADER, channel.number, header(0, flags=0x8000)[1])

    assert connection.expect_close() == (541, 'INTERNAL_ERROR')


def test_contents_of_two_channels_mix(connection: RawConnection, channel: RawChannel) -> None:
    channel.queue('mixed')
    second = connection.channel()
    for each in (channel, second):
        each.send(BasicPublish('', 'mixed'))
    for each in (second, channel):
        each.connection.send_frame(HEADER, each.number, header(2)[1])
    for body, each in ((b'a', channel), (b'b', second), (b'', channel), (b'a', channel)):
        each.connection.send_frame(BODY, each.number, body)
    second.connection.send_frame(BODY, second.number, b'b')

    found = {channel.await_get('mixed', no_ack=True).body for _ in range(2)}

    assert found == {b'aa', b'bb'}


def test_a_body_in_many_frames(connection: RawConnection, channel: RawChannel) -> None:
    channel.queue('frames')
    channel.send(BasicPublish('', 'frames'))
    connection.send_frame(HEADER, channel.number, header(100)[1])
    for octet in range(100):
        connection.send_frame(BODY, channel.number, bytes([octet]))

    assert channel.await_get('frames').body == bytes(range(100))
