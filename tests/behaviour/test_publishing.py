"""Publishing: what is refused or returned, and confirms."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.framing.definitions import (
    BasicAck,
    BasicReturn,
    ConfirmSelect,
    ConfirmSelectOk,
    TxSelect,
)
from tests.behaviour.brokers import BrokerUnderTest, by_version
from tests.behaviour.client import RawChannel, RawConnection
from tests.behaviour.texts import missing_exchange, not_implemented, precondition_failed
from tests.behaviour.wire import Message

TEN_YEARS = 315_360_000_000  # milliseconds
MIB = 1024 * 1024


# -- refused


def test_a_missing_exchange(channel: RawChannel, vhost: str) -> None:
    assert channel.refused_publish(b'', 'missing', 'key') == missing_exchange('missing', vhost)


def test_an_error_of_a_publish_is_not_felt_by_others(
    connection: RawConnection, channel: RawChannel
) -> None:
    second = connection.channel()
    second.refused_publish(b'', 'missing', 'key')

    channel.expect_nothing()


def test_immediate_is_not_implemented(channel: RawChannel) -> None:
    channel.queue('q')

    assert channel.refused_publish(b'', '', 'q', immediate=True) == not_implemented(
        'immediate=true'
    )


def test_another_user_id(channel: RawChannel) -> None:
    assert channel.refused_publish(b'', 'amq.direct', user_id='other') == precondition_failed(
        "user_id property set to 'other' but authenticated user was 'guest'"
    )


def test_the_own_user_id(channel: RawChannel) -> None:
    channel.put(channel.queue('q'), b'body', user_id='guest')

    assert channel.must_get('q').properties.user_id == b'guest'


@pytest.mark.parametrize(
    ('expiration', 'reason'),
    [
        ('', 'no_integer'),
        ('soon', 'no_integer'),
        (' 5', 'no_integer'),
        ('-1', '{value_negative,-1}'),
        ('1.5', '{leftover_string,".5"}'),
        ('5s', '{leftover_string,"s"}'),
        (str(TEN_YEARS + 1), '{value_too_large,315360000001}'),
    ],
)
def test_an_invalid_expiration(channel: RawChannel, expiration: str, reason: str) -> None:
    assert channel.refused_publish(b'', 'amq.direct', expiration=expiration) == precondition_failed(
        f"invalid expiration '{expiration}': {reason}"
    )


@pytest.mark.parametrize('expiration', ['5000', str(TEN_YEARS)])
def test_valid_expirations(channel: RawChannel, expiration: str) -> None:
    channel.put(channel.queue('q'), b'body', expiration=expiration)

    assert channel.must_get('q').properties.expiration == expiration.encode()


@pytest.mark.parametrize('expiration', ['+5000', '005000'])
def test_unusual_expirations(broker: BrokerUnderTest, channel: RawChannel, expiration: str) -> None:
    channel.put(channel.queue('q'), b'body', expiration=expiration)

    # RabbitMQ 4 keeps the number, and not its text.
    expected = by_version(broker, {(3, 10): expiration.encode(), (4, 0): b'5000'})
    assert channel.must_get('q').properties.expiration == expected


@pytest.mark.parametrize('header', ['CC', 'BCC'])
@pytest.mark.parametrize(
    ('value', 'type_'), [('key', 'longstr'), (5, 'signedint'), ({}, 'table'), (None, 'void')]
)
def test_a_cc_that_is_no_array(channel: RawChannel, header: str, value: Any, type_: str) -> None:
    assert channel.refused_publish(
        b'', 'amq.direct', headers={header: value}
    ) == precondition_failed(f'invalid message: {{unacceptable_type_in_header,"{header}",{type_}}}')


@pytest.mark.parametrize('value', [[], ['key', 5]], ids=str)
def test_arrays_of_cc(channel: RawChannel, value: list[Any]) -> None:
    channel.publish(b'', 'amq.direct', headers={'CC': value})

    channel.expect_nothing()


def test_a_message_that_is_too_large(broker: BrokerUnderTest, channel: RawChannel) -> None:
    limit = by_version(broker, {(3, 10): 128 * MIB, (4, 0): 16 * MIB})

    assert channel.refused_publish(bytes(limit + 1), 'amq.direct') == precondition_failed(
        f'message size {limit + 1} is larger than configured max size {limit}'
    )


# -- mandatory


def test_a_mandatory_message_without_a_queue_is_returned(channel: RawChannel) -> None:
    channel.publish(b'body', 'amq.direct', 'key', mandatory=True, message_id='id')

    message = channel.expect_return()
    assert message.method == BasicReturn(312, b'NO_ROUTE', b'amq.direct', b'key')
    assert (message.body, message.properties.message_id) == (b'body', b'id')


def test_a_message_without_a_queue_is_dropped(channel: RawChannel) -> None:
    channel.publish(b'body', 'amq.direct', 'key')

    channel.expect_nothing()


def test_a_mandatory_message_with_a_queue_is_not_returned(channel: RawChannel) -> None:
    channel.publish(b'body', '', channel.queue('q'), mandatory=True)

    channel.expect_nothing()
    assert channel.await_get('q').body == b'body'


def test_a_large_message_is_returned_whole(channel: RawChannel) -> None:
    body = bytes(range(256)) * 4000

    channel.publish(body, 'amq.direct', 'key', mandatory=True)

    assert channel.expect_return().body == body


# -- confirms


def test_confirms_are_switched_on(channel: RawChannel) -> None:
    assert channel.call(ConfirmSelect()) == ConfirmSelectOk()
    assert channel.call(ConfirmSelect()) == ConfirmSelectOk()


def test_switching_on_with_no_wait_has_no_answer(channel: RawChannel) -> None:
    channel.send(ConfirmSelect(no_wait=True))
    channel.expect_nothing()

    channel.publish(b'', 'amq.direct')

    assert channel.expect(BasicAck).delivery_tag == 1


def test_confirms_count_from_the_switch(channel: RawChannel) -> None:
    channel.publish(b'', 'amq.direct')
    channel.confirm()
    channel.publish(b'', 'amq.direct')
    assert channel.expect(BasicAck) == BasicAck(1, False)
    channel.call(ConfirmSelect())

    channel.publish(b'', 'amq.direct')

    assert channel.expect(BasicAck) == BasicAck(2, False)


@pytest.mark.parametrize('delivery_mode', [1, 2])
@pytest.mark.parametrize('bound', [False, True])
def test_every_message_is_confirmed_once(
    channel: RawChannel, delivery_mode: int, bound: bool
) -> None:
    key = channel.queue('q') if bound else 'nowhere'
    channel.confirm()
    for number in range(100):
        channel.publish(str(number).encode(), '', key, delivery_mode=delivery_mode)

    confirmed: list[int] = []
    while len(confirmed) < 100:
        ack = channel.expect(BasicAck)
        last = max(confirmed, default=0)
        confirmed += range(last + 1, ack.delivery_tag + 1) if ack.multiple else [ack.delivery_tag]

    assert sorted(confirmed) == list(range(1, 101))
    channel.expect_nothing()


def test_a_return_comes_before_its_confirm(channel: RawChannel) -> None:
    channel.confirm()

    channel.publish(b'body', 'amq.direct', 'key', mandatory=True)

    assert channel.expect_return().body == b'body'
    assert channel.expect(BasicAck) == BasicAck(1, False)


def test_a_confirmed_message_is_in_all_its_queues(channel: RawChannel) -> None:
    queues = [channel.queue(name) for name in ('a', 'b', 'c')]
    for queue in queues:
        channel.bind(queue, 'amq.fanout')

    channel.put('', b'body', exchange='amq.fanout')

    assert [channel.count(queue) for queue in queues] == [1, 1, 1]


def test_a_message_delivered_without_acknowledgement_is_confirmed(channel: RawChannel) -> None:
    channel.queue('q')
    channel.consume('q', no_ack=True)
    channel.confirm()

    channel.publish(b'body', '', 'q')

    kinds = {type(channel.next()) for _ in range(2)}
    assert kinds == {Message, BasicAck}


def test_confirms_and_transactions_exclude_each_other(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.confirm()
    assert channel.refused(TxSelect()) == precondition_failed(
        'cannot switch from confirm to tx mode'
    )

    second = connection.channel()
    second.call(TxSelect())
    assert second.refused(ConfirmSelect()) == precondition_failed(
        'cannot switch from tx to confirm mode'
    )
