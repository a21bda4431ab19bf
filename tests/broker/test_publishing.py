"""What clients publish: checks, confirms, returns, transactions, direct replies."""

from __future__ import annotations

import struct
from math import inf, nan
from typing import Any

import pytest

from coolamqp.broker.state import Limits
from coolamqp.framing.definitions import (
    BasicAck,
    BasicCancel,
    BasicNack,
    BasicPublish,
    BasicReject,
    BasicReturn,
    ChannelClose,
    TxCommit,
    TxRollback,
    TxSelect,
)
from coolamqp.framing.frames import encode_frame, encode_method
from tests.behaviour.wire import Message, text
from tests.broker.rig import Client, Rig

REPLY_QUEUE = 'amq.rabbitmq.reply-to'


def returned(client: Client) -> Message[BasicReturn]:
    (message,) = client.take()
    assert isinstance(message, Message)
    assert isinstance(message.method, BasicReturn)
    return message


@pytest.mark.parametrize(
    ('properties', 'code'),
    [
        ({'expiration': ''}, 406),
        ({'expiration': '-1'}, 406),
        ({'expiration': '1.5'}, 406),
        ({'expiration': '\N{ARABIC-INDIC DIGIT FIVE}'}, 406),
        ({'expiration': '315360000001'}, 406),
        ({'user_id': 'somebody'}, 406),
        ({'headers': {'CC': 'q'}}, 406),
        ({'headers': {'BCC': 5}}, 406),
        ({'reply_to': REPLY_QUEUE}, 406),
    ],
)
def test_an_invalid_message_is_refused(client: Client, properties: Any, code: int) -> None:
    client.declare('q')
    client.publish(b'x', 'q', **properties)

    assert client.expect_close()[0] == code


@pytest.mark.parametrize('number', [nan, inf, -inf])
@pytest.mark.parametrize('properties', [{}, {'expiration': '007'}, {'reply_to': REPLY_QUEUE}])
def test_a_float_that_is_not_finite_ends_the_connection(
    client: Client, number: float, properties: Any
) -> None:
    client.consume(REPLY_QUEUE, no_ack=True)
    content = client.content(b'x', headers={'a': [{'b': 1.5}]}, **properties)
    spoiled = content.replace(struct.pack('>d', 1.5), struct.pack('>d', number))
    client.feed(encode_method(1, BasicPublish('', 'q', False, False)) + spoiled)

    assert client.expect_close()[0] == 541


@pytest.mark.parametrize('encoded', [b'\x80\x00', b'\x20\x00\0\0\0\1', b'\x08\x00', b'\0\1'])
def test_malformed_properties_reach_nobody(rig: Rig, client: Client, encoded: bytes) -> None:
    client.declare('q')
    header = encode_frame(2, 1, b'\0\x3c\0\0' + bytes(8) + encoded)
    client.feed(encode_method(1, BasicPublish('', 'q', False, False)) + header)

    assert client.expect_close()[0] == 541
    assert rig.ready('q') == []


def test_a_body_has_a_largest_size() -> None:
    rig = Rig(Limits(heartbeat=0, message_bytes_max=100))
    client = rig.connect()
    client.declare('q')
    client.publish(bytes(100), 'q')
    client.publish(bytes(101), 'q')

    assert client.expect_close() == (
        406,
        'PRECONDITION_FAILED - message size 101 is larger than configured max size 100',
    )
    assert len(rig.ready('q')) == 1


def test_immediate_is_not_implemented(client: Client) -> None:
    client.feed(encode_method(1, BasicPublish('', 'q', False, True)) + client.content(b''))

    assert client.expect_close()[0] == 540


def test_a_mandatory_message_without_a_route_comes_back_before_its_confirm(
    client: Client,
) -> None:
    client.confirm()
    client.publish(b'x', 'missing', mandatory=True, app_id='app')

    message, ack = client.take()
    assert isinstance(message, Message)
    assert (message.method.reply_code, message.body) == (312, b'x')
    assert message.properties.app_id == b'app'
    assert ack == BasicAck(1, False)


def test_bcc_is_seen_by_nobody(rig: Rig, client: Client) -> None:
    client.declare('q')
    client.publish(b'x', 'missing', headers={'CC': ['q'], 'BCC': ['p'], 'a': 1})
    message = client.get('q')

    assert message is not None
    assert message.headers == {'CC': ['q'], 'a': 1}


# Confirms


def test_a_confirm_tells_which_messages_were_refused(client: Client) -> None:
    client.declare('full', {'x-max-length': 1, 'x-overflow': 'reject-publish'})
    client.declare('roomy')
    client.confirm()
    client.feed(
        b''.join(
            encode_method(1, BasicPublish('', key, False, False)) + client.content(b'')
            for key in ('full', 'full', 'roomy', 'full')
        )
    )

    confirms = client.take()
    assert confirms == [
        BasicNack(2, False, False),
        BasicNack(4, False, False),
        BasicAck(3, True),
    ]


def test_confirms_count_from_the_first_publish_after_select(client: Client) -> None:
    client.declare('q')
    client.publish(b'', 'q')
    client.confirm()
    client.publish(b'', 'q')
    client.confirm()
    client.publish(b'', 'q')

    assert client.take() == [BasicAck(1, False), BasicAck(2, False)]


def test_a_test_may_refuse_the_next_publishes(rig: Rig, client: Client) -> None:
    client.declare('q')
    client.confirm()
    rig.state.faults.nacks = 1
    client.publish(b'1', 'q')
    client.publish(b'2', 'q')

    assert client.take() == [BasicNack(1, False, False), BasicAck(2, False)]
    assert rig.ready('q') == [b'2']


def test_a_lost_confirm_is_not_covered_by_a_later_one(rig: Rig, client: Client) -> None:
    client.declare('q')
    client.confirm()
    rig.state.faults.lost_confirms = 1
    publish = encode_method(1, BasicPublish('', 'q', False, False)) + client.content(b'')
    client.feed(3 * publish)

    assert client.take() == [BasicAck(2, False), BasicAck(3, False)]
    assert len(rig.ready('q')) == 3


# Transactions


def test_a_transaction_publishes_and_acknowledges_at_its_commit(rig: Rig, client: Client) -> None:
    client.declare('q')
    client.publish(b'old', 'q')
    client.call(TxSelect())
    client.get('q')
    client.ack(1)
    client.publish(b'new', 'q')
    assert (rig.ready('q'), rig.unacked('q')) == ([], 1)

    client.call(TxCommit())
    assert (rig.ready('q'), rig.unacked('q')) == ([b'new'], 0)


def test_a_rollback_undoes_both(rig: Rig, client: Client) -> None:
    client.declare('q')
    client.declare('other')
    for body in (b'1', b'2', b'3'):
        client.publish(body, 'q')
    client.call(TxSelect())
    client.consume('q')
    client.send(BasicReject(2, False))
    client.publish(b'new', 'other')
    client.call(TxRollback())
    assert (rig.ready('other'), rig.unacked('q')) == ([], 3)

    client.ack(2, multiple=True)
    client.call(TxCommit())
    assert rig.unacked('q') == 1


@pytest.mark.parametrize('how', ['close', 'error', 'lose'])
def test_an_open_transaction_is_undone_with_its_channel(rig: Rig, client: Client, how: str) -> None:
    client.declare('q')
    client.publish(b'1', 'q')
    client.publish(b'2', 'q')
    client.call(TxSelect())
    client.consume('q')
    client.ack(1)
    if how == 'close':
        client.call(ChannelClose(200, '', 0, 0))
    elif how == 'error':
        client.refused(BasicAck(9))
    else:
        client.lose()

    assert (rig.ready('q'), rig.unacked('q')) == ([b'1', b'2'], 0)


def test_a_transaction_refuses_what_is_missing_at_once(client: Client) -> None:
    client.call(TxSelect())
    client.publish(b'', exchange='missing')

    assert client.expect_close()[0] == 404


def test_a_mandatory_message_of_a_transaction_comes_back_at_its_commit(client: Client) -> None:
    client.call(TxSelect())
    client.publish(b'x', 'missing', mandatory=True)
    assert not client.received

    client.send(TxCommit())
    message, _ = client.take()
    assert isinstance(message, Message)
    assert message.body == b'x'


# Direct replies


def test_a_request_and_its_reply(rig: Rig, client: Client) -> None:
    server = rig.connect()
    server.declare('requests')
    client.consume(REPLY_QUEUE, 'tag', no_ack=True)
    client.publish(b'question', 'requests', reply_to=REPLY_QUEUE)
    question = server.get('requests')
    assert question is not None
    address = question.properties.reply_to
    assert isinstance(address, bytes)
    assert address.startswith(REPLY_QUEUE.encode() + b'.')
    server.publish(b'answer', address.decode())

    (answer,) = client.deliveries()
    assert (answer.body, answer.method.consumer_tag) == (b'answer', b'tag')


@pytest.mark.parametrize('how', ['cancel', 'close', 'lose'])
def test_a_reply_to_nobody_comes_back(rig: Rig, client: Client, how: str) -> None:
    server = rig.connect()
    server.declare('requests')
    client.consume(REPLY_QUEUE, 'tag', no_ack=True)
    client.publish(b'question', 'requests', reply_to=REPLY_QUEUE)
    question = server.get('requests')
    assert question is not None
    if how == 'cancel':
        client.call(BasicCancel('tag'))
    elif how == 'close':
        client.call(ChannelClose(200, '', 0, 0))
    else:
        client.lose()
    address = text(question.properties.reply_to or '')
    server.publish(b'answer', address, mandatory=True)

    assert returned(server).body == b'answer'
    assert not rig.state.replies
