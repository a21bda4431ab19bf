"""The life of a queue: declaration, names, exclusiveness, deletion, counts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from coolamqp.framing.definitions import (
    BasicAck,
    BasicConsume,
    BasicGet,
    QueueBind,
    QueueDeclare,
    QueueDeclareOk,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
    QueuePurgeOk,
)
from coolamqp.framing.method import Method
from tests.behaviour.brokers import BrokerUnderTest
from tests.behaviour.client import RawChannel, RawConnection, eventually
from tests.behaviour.texts import (
    access_refused,
    inequivalent,
    missing_queue,
    not_found,
    precondition_failed,
)

GENERATED = rb'amq\.gen-[A-Za-z0-9_-]{22}'

NO_LAST_QUEUE = not_found('no previously declared queue')
DROP_OR_REJECT = ("'reject-publish'", "'drop-head'")


# -- names


def test_declaring_returns_name_and_counts(channel: RawChannel) -> None:
    answer = channel.call(QueueDeclare('q', durable=True))

    assert answer == QueueDeclareOk(b'q', 0, 0)


def test_the_broker_makes_a_name(channel: RawChannel) -> None:
    names = {channel.call(QueueDeclare(exclusive=True)).queue for _ in range(2)}

    assert len(names) == 2
    assert all(re.fullmatch(GENERATED, name) for name in names), names


def test_a_generated_name_can_be_declared_again(channel: RawChannel) -> None:
    name = channel.call(QueueDeclare(exclusive=True)).queue

    assert channel.call(QueueDeclare(name, passive=True)).queue == name


def test_no_name_means_the_last_declared_queue(channel: RawChannel) -> None:
    channel.queue('first')
    channel.queue('last')
    channel.put('last', b'body')

    assert channel.call(QueueDelete()) == QueueDeleteOk(1)
    assert channel.state('first').queue == b'first'


def test_a_passive_declaration_makes_a_queue_the_last_one(channel: RawChannel) -> None:
    channel.queue('first')
    channel.queue('second')
    channel.state('first')

    channel.call(QueueDelete())

    assert channel.connection.channel().refused(QueueDeclare('first', passive=True))[0] == 404


def test_the_last_queue_is_that_of_the_channel(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.queue('q')

    assert connection.channel().refused(QueuePurge()) == NO_LAST_QUEUE


@pytest.mark.parametrize(
    'method',
    [QueueDelete(), QueuePurge(), QueueBind(), BasicConsume(), BasicGet()],
    ids=lambda method: str(method.NAME),
)
def test_no_name_without_a_declaration_is_refused(channel: RawChannel, method: Method) -> None:
    assert channel.refused(method) == NO_LAST_QUEUE


def test_names_with_the_reserved_prefix_are_refused(channel: RawChannel) -> None:
    assert channel.refused(QueueDeclare('amq.mine')) == access_refused(
        "queue name 'amq.mine' contains reserved prefix 'amq.*'"
    )


def test_a_missing_queue_with_the_reserved_prefix_is_not_found(
    channel: RawChannel, vhost: str
) -> None:
    assert channel.refused(QueueDeclare('amq.mine', passive=True)) == missing_queue(
        'amq.mine', vhost
    )


def test_names_are_utf8_of_up_to_255_bytes(channel: RawChannel) -> None:
    name = 'ł' * 127 + 'x'

    assert channel.call(QueueDeclare(name, durable=True)).queue == name.encode()


def test_two_virtual_hosts_have_a_queue_of_the_same_name(
    broker: BrokerUnderTest, channel: RawChannel
) -> None:
    name = 'behaviour-second'
    broker.add_vhost(name)
    channel.queue('q')
    with RawConnection(broker.url(name)) as second:
        second.channel().queue('q')
        channel.put('q', b'x')
        assert channel.count('q') == 1
        assert second.channel().count('q') == 0
    broker.delete_vhost(name)


# -- passive declaration


def test_a_passive_declaration_returns_the_counts(channel: RawChannel) -> None:
    channel.queue('q')
    channel.put('q', b'1', b'2', b'3')
    channel.consume('q')
    channel.next_messages(3)
    channel.put('q', b'4')
    channel.next_message()

    assert channel.state('q') == QueueDeclareOk(b'q', 0, 1)


def test_the_count_is_that_of_ready_messages(channel: RawChannel) -> None:
    channel.queue('q')
    channel.put('q', b'1', b'2', b'3')
    channel.must_get('q')

    assert channel.count('q') == 2


def test_a_passive_declaration_of_a_missing_queue(channel: RawChannel, vhost: str) -> None:
    assert channel.refused(QueueDeclare('q', passive=True)) == missing_queue('q', vhost)


def test_a_passive_declaration_ignores_flags_and_arguments(channel: RawChannel) -> None:
    channel.queue('q')

    answer = channel.call(
        QueueDeclare('q', passive=True, auto_delete=True, arguments={'x-max-length': 1})
    )

    assert answer == QueueDeclareOk(b'q', 0, 0)


def test_declaring_with_no_wait_has_no_answer(channel: RawChannel) -> None:
    channel.send(QueueDeclare('q', durable=True, no_wait=True))
    channel.expect_nothing('q')


def test_deleting_and_purging_with_no_wait_have_no_answer(channel: RawChannel) -> None:
    channel.queue('q')
    channel.put('q', b'body')
    channel.send(QueuePurge('q', no_wait=True))
    channel.expect_nothing('q')
    channel.send(QueueDelete('q', no_wait=True))
    channel.expect_nothing()
    assert channel.refused(QueueDeclare('q', passive=True))[0] == 404


# -- declaring again


def test_declaring_the_same_again_keeps_the_messages(channel: RawChannel) -> None:
    channel.queue('q', {'x-max-length': 5})
    channel.put('q', b'body')

    answer = channel.call(QueueDeclare('q', durable=True, arguments={'x-max-length': 5}))

    assert answer == QueueDeclareOk(b'q', 1, 0)


@pytest.mark.parametrize(
    ('flag', 'received', 'current'),
    [('durable', 'false', 'true'), ('auto_delete', 'true', 'false')],
)
def test_declaring_again_with_another_flag(
    channel: RawChannel, vhost: str, flag: str, received: str, current: str
) -> None:
    channel.queue('q')
    flags: dict[str, Any] = {'durable': True, flag: received == 'true'}

    assert channel.refused(QueueDeclare('q', **flags)) == inequivalent(
        flag, "queue 'q'", vhost, f"'{received}'", f"'{current}'"
    )


@pytest.mark.parametrize(
    ('first', 'second', 'received', 'current'),
    [
        ({'x-max-length': 5}, {}, 'none', "the value '5' of type 'signedint'"),
        ({}, {'x-max-length': 5}, "the value '5' of type 'signedint'", 'none'),
        ({}, {'x-max-length': (5, 'l')}, "the value '5' of type 'long'", 'none'),
        ({}, {'x-max-length': (5, 's')}, "the value '5' of type 'short'", 'none'),
        ({}, {'x-max-length': (5, 'b')}, "the value '5' of type 'byte'", 'none'),
        ({'x-max-length': 5}, {'x-max-length': 6}, "'6'", "'5'"),
        ({'x-max-length-bytes': 5}, {'x-max-length-bytes': (6, 'l')}, "'6'", "'5'"),
        ({'x-message-ttl': 50000}, {'x-message-ttl': 60000}, "'60000'", "'50000'"),
        ({'x-expires': 50000}, {'x-expires': 60000}, "'60000'", "'50000'"),
        ({'x-max-priority': 5}, {'x-max-priority': 6}, "'6'", "'5'"),
        ({'x-dead-letter-exchange': 'a'}, {'x-dead-letter-exchange': 'b'}, "'b'", "'a'"),
        (
            {'x-dead-letter-exchange': 'a', 'x-dead-letter-routing-key': 'k'},
            {'x-dead-letter-exchange': 'a'},
            'none',
            "the value 'k' of type 'longstr'",
        ),
        ({'x-overflow': 'drop-head'}, {'x-overflow': 'reject-publish'}, *DROP_OR_REJECT),
        (
            {'x-single-active-consumer': True},
            {},
            'none',
            "the value 'true' of type 'bool'",
        ),
        ({'x-queue-type': 'quorum'}, {'x-queue-type': 'classic'}, "'classic'", "'quorum'"),
    ],
    ids=str,
)
def test_declaring_again_with_another_argument(
    channel: RawChannel,
    vhost: str,
    first: dict[str, Any],
    second: dict[str, Any],
    received: str,
    current: str,
) -> None:
    channel.queue('q', first)
    (argument,) = {*first, *second} - {name for name in first if first[name] == second.get(name)}

    assert channel.refused(QueueDeclare('q', durable=True, arguments=second)) == inequivalent(
        argument, "queue 'q'", vhost, received, current
    )


@pytest.mark.parametrize(
    ('first', 'second'),
    [
        ({'x-max-length': 5}, {'x-max-length': (5, 'l')}),
        ({'x-message-ttl': 5000}, {'x-message-ttl': (5000, 's')}),
        ({}, {'x-queue-type': 'classic'}),
        ({'x-queue-type': 'classic'}, {}),
        ({}, {'x-unknown': 1}),
        ({'unknown': 'a'}, {'unknown': 'b'}),
    ],
    ids=str,
)
def test_declaring_again_with_an_equivalent_argument(
    channel: RawChannel, first: dict[str, Any], second: dict[str, Any]
) -> None:
    channel.queue('q', first)
    channel.queue('q', second)


# -- transient


def test_a_transient_shared_queue(channel: RawChannel) -> None:
    assert channel.call(QueueDeclare('q')) == QueueDeclareOk(b'q', 0, 0)


# -- auto-delete


def test_an_auto_delete_queue_ends_with_its_last_consumer(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.call(QueueDeclare('q', durable=True, auto_delete=True))
    second = connection.channel()
    second.consume('q', 'a')
    second.consume('q', 'b')
    second.cancel('a')
    assert channel.state('q').consumer_count == 1

    second.cancel('b')

    assert channel.refused(QueueDeclare('q', passive=True))[0] == 404


def test_an_auto_delete_queue_without_a_consumer_stays(channel: RawChannel) -> None:
    channel.call(QueueDeclare('q', durable=True, auto_delete=True))
    channel.put('q', b'body')
    channel.must_get('q', no_ack=True)

    assert channel.count('q') == 0


def test_an_auto_delete_queue_ends_with_the_channel_of_its_consumer(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.call(QueueDeclare('q', durable=True, auto_delete=True))
    second = connection.channel()
    second.consume('q')

    second.close()

    def gone() -> bool:
        return connection.channel().refused(QueueDeclare('q', passive=True))[0] == 404

    eventually(gone, 'the end of the queue')


# -- deletion


def test_deleting_returns_the_number_of_messages(channel: RawChannel) -> None:
    channel.queue('q')
    channel.put('q', b'1', b'2', b'3')

    assert channel.call(QueueDelete('q')) == QueueDeleteOk(3)


def test_deleting_a_missing_queue_succeeds(channel: RawChannel) -> None:
    assert channel.call(QueueDelete('missing')) == QueueDeleteOk(0)


def test_a_queue_in_use_is_not_deleted_if_unused(channel: RawChannel, vhost: str) -> None:
    channel.queue('q')
    channel.consume('q')

    assert channel.refused(QueueDelete('q', if_unused=True)) == precondition_failed(
        f"queue 'q' in vhost '{vhost}' in use"
    )


def test_a_queue_with_messages_is_not_deleted_if_empty(channel: RawChannel, vhost: str) -> None:
    channel.queue('q')
    channel.put('q', b'body')

    assert channel.refused(QueueDelete('q', if_empty=True)) == precondition_failed(
        f"queue 'q' in vhost '{vhost}' not empty"
    )


def test_a_queue_with_unacknowledged_messages_only_is_empty(channel: RawChannel) -> None:
    channel.queue('q')
    channel.put('q', b'body')
    channel.must_get('q')

    assert channel.call(QueueDelete('q', if_empty=True)) == QueueDeleteOk(0)


def test_an_unused_empty_queue_is_deleted(channel: RawChannel) -> None:
    channel.queue('q')

    channel.call(QueueDelete('q', if_unused=True, if_empty=True))

    assert channel.refused(QueueDeclare('q', passive=True))[0] == 404


def test_acknowledging_a_message_of_a_deleted_queue_is_accepted(channel: RawChannel) -> None:
    channel.queue('q')
    channel.put('q', b'body')
    message = channel.must_get('q')
    channel.call(QueueDelete('q'))

    channel.send(BasicAck(message.tag))

    channel.expect_nothing()


# -- purging


def test_purging_removes_the_ready_messages(channel: RawChannel) -> None:
    channel.queue('q')
    channel.put('q', b'1', b'2', b'3')
    message = channel.must_get('q')

    assert channel.call(QueuePurge('q')) == QueuePurgeOk(2)
    assert channel.count('q') == 0
    channel.reject(message.tag, requeue=True)
    assert channel.bodies('q') == [b'1']


@pytest.mark.parametrize(
    'method',
    [QueuePurge('missing'), BasicConsume('missing'), BasicGet('missing')],
    ids=lambda method: str(method.NAME),
)
def test_using_a_missing_queue(channel: RawChannel, vhost: str, method: Method) -> None:
    assert channel.refused(method) == missing_queue('missing', vhost)


def test_a_refused_declaration_closes_only_its_channel(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.queue('q')
    second = connection.channel()
    assert second.refused(QueueDeclare('q', durable=False))[0] == 406

    assert channel.count('q') == 0
