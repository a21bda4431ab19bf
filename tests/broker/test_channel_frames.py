"""The frames of a channel: contents in the middle of everything, and who gets the blame."""

from __future__ import annotations

import pytest

from coolamqp.framing.definitions import (
    BasicAck,
    BasicDeliver,
    BasicPublish,
    ChannelClose,
    ChannelCloseOk,
    ConnectionClose,
    QueueBind,
    QueueDeclare,
    QueueDelete,
)
from coolamqp.framing.frames import encode_frame, encode_method
from tests.broker.rig import Client, Rig

LARGE_SIZE = 200 * 1024 * 1024
LARGE = encode_frame(2, 1, b'\0\x3c\0\0' + LARGE_SIZE.to_bytes(8, 'big') + b'\0\0')
PUBLISH = encode_method(1, BasicPublish('', 'q', False, False))


def closed_by(client: Client) -> ChannelClose | ConnectionClose:
    (method,) = client.take()
    assert isinstance(method, (ChannelClose, ConnectionClose))
    return method


def test_a_content_may_come_byte_by_byte(rig: Rig, client: Client) -> None:
    client.declare('q')
    for byte in PUBLISH + client.content(b'body', priority=5):
        client.feed(bytes([byte]))

    assert rig.ready('q') == [b'body']


def test_contents_of_several_channels_may_be_mixed(rig: Rig, client: Client) -> None:
    client.declare('q')
    client.open_channel(2)
    other = encode_method(2, BasicPublish('', 'q', False, False))
    first, second = client.content(b'1'), client.content(b'2', channel=2)
    header = len(client.content(b''))
    client.feed(PUBLISH + other + second[:header] + first[:header])
    client.feed(first[header:] + second[header:])

    assert rig.ready('q') == [b'1', b'2']


@pytest.mark.parametrize('method', [QueueDeclare('q'), BasicPublish('', 'q', False, False)])
def test_a_method_within_a_content_is_refused(
    client: Client, method: QueueDeclare | BasicPublish
) -> None:
    client.feed(PUBLISH)
    client.send(method)

    code, text = client.expect_close()
    assert (code, text[:43]) == (505, 'UNEXPECTED_FRAME - expected content header ')
    assert client.closed()


def test_a_content_that_nothing_announced_is_refused(client: Client) -> None:
    client.feed(client.content(b'x'))

    assert client.expect_close()[0] == 505


@pytest.mark.parametrize(
    'frame',
    [
        encode_frame(2, 1, b''),
        encode_frame(2, 1, b'\0\x3c\0\0' + bytes(8)),
        encode_frame(2, 1, b'\0\x0a\0\0' + bytes(10)),
        encode_frame(2, 1, b'\0\x3c\0\0' + b'\xff' * 8 + b'\0\0'),
        encode_frame(3, 1, b'x'),
    ],
)
def test_a_malformed_content_ends_the_connection(client: Client, frame: bytes) -> None:
    client.feed(PUBLISH + frame)

    assert client.expect_close()[0] in (501, 502, 505)
    assert client.closed()


def test_a_body_that_is_too_large_is_refused_when_it_is_announced(client: Client) -> None:
    client.feed(PUBLISH + LARGE)

    code, text = client.expect_close()
    assert code == 406
    assert f'message size {LARGE_SIZE} is larger than' in text
    client.open_channel(1)


def test_a_large_body_for_nobody_is_refused_as_such(client: Client) -> None:
    publish = encode_method(1, BasicPublish('missing', '', False, False))
    client.feed(publish + LARGE)

    assert client.expect_close()[0] == 404


def test_a_body_longer_than_announced_ends_the_connection(client: Client) -> None:
    client.feed(PUBLISH + client.content(b'x')[:-9] + encode_frame(3, 1, b'xy'))

    assert client.expect_close()[0] == 501


def test_an_error_blames_the_method(client: Client) -> None:
    client.send(QueueBind('missing', 'amq.direct', ''))
    close = closed_by(client)
    assert (close.class_id, close.method_id) == QueueBind.INDEX

    client.send(ChannelCloseOk())
    client.open_channel(1)
    client.publish(b'x', exchange='missing')
    close = closed_by(client)
    assert (close.class_id, close.method_id) == BasicPublish.INDEX


def test_a_method_that_only_a_broker_sends_is_refused(client: Client) -> None:
    client.send(BasicDeliver('tag', 1, False, '', ''))
    client.feed(client.content(b'x'))

    assert client.expect_close()[0] == 503


def test_a_method_that_does_not_exist_is_refused(client: Client) -> None:
    client.feed(encode_frame(1, 1, b'\xff\xff\xff\xff'))

    assert client.expect_close()[0] == 540


def test_no_confirm_follows_the_close(rig: Rig, client: Client) -> None:
    client.declare('q')
    client.confirm()
    missing = encode_method(1, BasicPublish('missing', '', False, False)) + client.content(b'')
    client.feed(PUBLISH + client.content(b'x') + missing)

    acked, close = client.take()
    assert acked == BasicAck(1, False)
    assert isinstance(close, ChannelClose)
    rig.advance(1)
    assert not client.received


def test_after_a_soft_error_all_is_ignored_until_the_close_ok(rig: Rig, client: Client) -> None:
    client.declare('q')
    client.send(QueueDeclare('missing', passive=True))
    client.send(QueueDelete('q'), BasicAck(5))
    client.feed(PUBLISH + client.content(b'x') + client.content(b'y'))
    client.send(QueueDeclare('late'))
    assert closed_by(client).reply_code == 404
    assert rig.ready('q') == []
    assert list(rig.vhost.queues) == [b'q']

    client.send(ChannelClose(200, '', 0, 0))
    assert client.take() == [ChannelCloseOk()]
    client.send(ChannelCloseOk())
    client.open_channel(1)


def test_what_comes_during_an_alarm_is_carried_out_later_and_in_order(
    rig: Rig, client: Client
) -> None:
    client.declare('q')
    client.confirm()
    rig.core.raise_alarm('low')
    client.feed(PUBLISH + client.content(b'x') + encode_method(1, QueueDeclare('q', passive=True)))
    assert [type(each).__name__ for each in client.take()] == ['ConnectionBlocked']

    rig.core.clear_alarm()
    rig.run()
    names = [type(each).__name__ for each in client.take()]
    assert sorted(names) == ['BasicAck', 'ConnectionUnblocked', 'QueueDeclareOk']
    assert rig.ready('q') == [b'x']


@pytest.mark.parametrize('frame', [encode_frame(1, 1, b''), encode_frame(3, 1, b'x')])
def test_a_malformed_frame_that_comes_during_an_alarm(
    rig: Rig, client: Client, frame: bytes
) -> None:
    client.declare('q')
    rig.core.raise_alarm('low')
    client.feed(PUBLISH + client.content(b'x') + frame)
    client.take()
    rig.core.clear_alarm()
    rig.run()

    assert client.expect_close()[0] in (501, 505)


def test_a_channel_that_is_closed_during_an_alarm_publishes_nothing(
    rig: Rig, client: Client
) -> None:
    client.declare('q')
    rig.core.raise_alarm('low')
    client.publish(b'x', 'q')
    client.take()
    rig.core.close_all('bye')
    rig.core.clear_alarm()
    rig.run()

    assert rig.ready('q') == []
