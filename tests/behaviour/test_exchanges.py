"""The life of an exchange: declaration, predeclared ones, deletion, alternates."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.framing.definitions import (
    ExchangeBind,
    ExchangeDeclare,
    ExchangeDeclareOk,
    ExchangeDelete,
    ExchangeDeleteOk,
    ExchangeUnbind,
    QueueBind,
    QueueDelete,
    QueueUnbind,
)
from coolamqp.framing.method import Method
from tests.behaviour.brokers import BrokerUnderTest, by_version
from tests.behaviour.client import RawChannel, RawConnection
from tests.behaviour.texts import (
    access_refused,
    command_invalid,
    inequivalent,
    missing_exchange,
    precondition_failed,
)

TYPES = ('direct', 'fanout', 'topic', 'headers')
PREDECLARED = {
    'amq.direct': 'direct',
    'amq.fanout': 'fanout',
    'amq.topic': 'topic',
    'amq.headers': 'headers',
    'amq.match': 'headers',
}
ON_DEFAULT = access_refused('operation not permitted on the default exchange')


def exists(connection: RawConnection, exchange: str) -> bool:
    """Whether an exchange exists, as a new channel sees it."""
    channel = connection.channel()
    channel.send(ExchangeDeclare(exchange, passive=True))
    channel.send(ExchangeDeclare('amq.missing', passive=True))
    return f"'{exchange}'" not in channel.expect_close()[1]


# -- declaration


@pytest.mark.parametrize('type_', TYPES)
def test_declaring_each_type(channel: RawChannel, type_: str) -> None:
    assert channel.call(ExchangeDeclare('e', type_)) == ExchangeDeclareOk()
    assert channel.call(ExchangeDeclare('e', passive=True)) == ExchangeDeclareOk()
    assert channel.call(ExchangeDeclare('e', type_)) == ExchangeDeclareOk()


@pytest.mark.parametrize(('exchange', 'type_'), PREDECLARED.items())
def test_the_predeclared_exchanges(channel: RawChannel, exchange: str, type_: str) -> None:
    channel.call(ExchangeDeclare(exchange, passive=True))
    channel.call(ExchangeDeclare(exchange, type_, durable=True))


@pytest.mark.parametrize(
    ('type_', 'text'),
    [
        ('x-none', "unknown exchange type 'x-none'"),
        ('Direct', "unknown exchange type 'Direct'"),
        ('x-delayed-message', "unknown exchange type 'x-delayed-message'"),
        ('', "invalid exchange type ''"),
    ],
)
def test_an_unknown_type_is_refused(
    broker: BrokerUnderTest, channel: RawChannel, type_: str, text: str
) -> None:
    expected = by_version(
        broker, {(3, 10): command_invalid(text), (4, 0): precondition_failed(text)}
    )

    assert channel.refused(ExchangeDeclare('e', type_)) == expected


def test_a_passive_declaration_of_a_missing_exchange(channel: RawChannel, vhost: str) -> None:
    assert channel.refused(ExchangeDeclare('e', 'direct', passive=True)) == missing_exchange(
        'e', vhost
    )


def test_a_passive_declaration_ignores_type_flags_and_arguments(channel: RawChannel) -> None:
    channel.exchange('e')

    channel.call(
        ExchangeDeclare(
            'e', 'x-none', passive=True, internal=True, arguments={'alternate-exchange': 'a'}
        )
    )


@pytest.mark.parametrize(
    ('declaration', 'argument', 'received', 'current'),
    [
        (ExchangeDeclare('e', 'fanout', durable=True), 'type', "'fanout'", "'direct'"),
        (ExchangeDeclare('e', 'direct'), 'durable', "'false'", "'true'"),
        (
            ExchangeDeclare('e', 'direct', durable=True, auto_delete=True),
            'auto_delete',
            "'true'",
            "'false'",
        ),
        (
            ExchangeDeclare('e', 'direct', durable=True, internal=True),
            'internal',
            "'true'",
            "'false'",
        ),
        (
            ExchangeDeclare('e', 'direct', durable=True, arguments={'alternate-exchange': 'a'}),
            'alternate-exchange',
            "the value 'a' of type 'longstr'",
            'none',
        ),
        (ExchangeDeclare('e', 'topic'), 'type', "'topic'", "'direct'"),
    ],
    ids=lambda value: getattr(value, 'argument', None),
)
def test_declaring_again_otherwise(
    channel: RawChannel,
    vhost: str,
    declaration: ExchangeDeclare,
    argument: str,
    received: str,
    current: str,
) -> None:
    channel.exchange('e', 'direct')

    assert channel.refused(declaration) == inequivalent(
        argument, "exchange 'e'", vhost, received, current
    )


@pytest.mark.parametrize(
    ('first', 'second', 'received', 'current'),
    [
        ('a', 'b', "'b'", "'a'"),
        ('a', None, 'none', "the value 'a' of type 'longstr'"),
    ],
)
def test_declaring_again_with_another_alternate(
    channel: RawChannel,
    vhost: str,
    first: str,
    second: str | None,
    received: str,
    current: str,
) -> None:
    channel.exchange('e', 'direct', {'alternate-exchange': first})
    arguments = {'alternate-exchange': second} if second else {}

    refused = channel.refused(ExchangeDeclare('e', 'direct', durable=True, arguments=arguments))

    assert refused == inequivalent('alternate-exchange', "exchange 'e'", vhost, received, current)


def test_other_arguments_are_accepted_and_not_compared(channel: RawChannel) -> None:
    channel.exchange('e', 'direct', {'anything': [1, {'a': 2}]})
    channel.exchange('e', 'direct')


def test_an_alternate_that_is_no_string(channel: RawChannel, vhost: str) -> None:
    refused = channel.refused(ExchangeDeclare('e', 'direct', arguments={'alternate-exchange': 5}))

    assert refused == precondition_failed(
        f"invalid type 'signedint' for arg 'alternate-exchange' in exchange 'e' in vhost '{vhost}'"
    )


def test_names_with_the_reserved_prefix_are_refused(channel: RawChannel) -> None:
    assert channel.refused(ExchangeDeclare('amq.mine', 'direct')) == access_refused(
        "exchange name 'amq.mine' contains reserved prefix 'amq.*'"
    )


@pytest.mark.parametrize(
    'method',
    [
        ExchangeDeclare('', 'direct'),
        ExchangeDeclare('', 'direct', passive=True),
        ExchangeDelete(''),
        QueueBind('q', '', 'q'),
        QueueUnbind('q', '', 'q'),
        ExchangeBind('amq.direct', ''),
        ExchangeBind('', 'amq.direct'),
        ExchangeUnbind('amq.direct', ''),
        ExchangeUnbind('', 'amq.direct'),
    ],
    ids=lambda method: str(method)[:40],
)
def test_the_default_exchange_cannot_be_changed(channel: RawChannel, method: Method) -> None:
    channel.queue('q')

    assert channel.refused(method) == ON_DEFAULT


def test_methods_with_no_wait_have_no_answer(channel: RawChannel) -> None:
    channel.send(ExchangeDeclare('a', 'direct', no_wait=True))
    channel.send(ExchangeDeclare('b', 'direct', no_wait=True))
    channel.send(ExchangeBind('b', 'a', no_wait=True))
    channel.send(ExchangeUnbind('b', 'a', no_wait=True))
    channel.send(ExchangeDelete('b', no_wait=True))
    channel.expect_nothing()

    assert exists(channel.connection, 'a')
    assert not exists(channel.connection, 'b')


# -- deletion


def test_a_deleted_exchange_is_gone(connection: RawConnection, channel: RawChannel) -> None:
    channel.exchange('e')

    assert channel.call(ExchangeDelete('e')) == ExchangeDeleteOk()
    assert not exists(connection, 'e')


@pytest.mark.parametrize('if_unused', [False, True])
def test_deleting_a_missing_exchange_succeeds(channel: RawChannel, if_unused: bool) -> None:
    assert channel.call(ExchangeDelete('missing', if_unused=if_unused)) == ExchangeDeleteOk()


def test_an_exchange_with_a_binding_is_not_deleted_if_unused(
    channel: RawChannel, vhost: str
) -> None:
    channel.bind(channel.queue('q'), channel.exchange('e'))

    assert channel.refused(ExchangeDelete('e', if_unused=True)) == precondition_failed(
        f"exchange 'e' in vhost '{vhost}' in use"
    )


def test_a_source_of_an_exchange_is_in_use_and_a_destination_is_not(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.bind_exchange(channel.exchange('destination'), channel.exchange('source'))
    assert connection.channel().refused(ExchangeDelete('source', if_unused=True))[0] == 406

    channel.call(ExchangeDelete('destination', if_unused=True))
    channel.call(ExchangeDelete('source', if_unused=True))

    assert not exists(connection, 'source')


def test_deleting_removes_the_bindings(channel: RawChannel) -> None:
    channel.bind(channel.queue('q'), channel.exchange('e'), 'key')
    channel.call(ExchangeDelete('e'))
    channel.exchange('e')

    channel.publish(b'body', 'e', 'key', mandatory=True)

    assert channel.expect_return().body == b'body'


@pytest.mark.parametrize('exchange', [*PREDECLARED, 'amq.mine'])
def test_exchanges_of_the_broker_are_not_deleted(
    channel: RawChannel, vhost: str, exchange: str
) -> None:
    assert channel.refused(ExchangeDelete(exchange)) == access_refused(
        f"deletion of system exchange '{exchange}' in vhost '{vhost}' not allowed"
    )


# -- auto-delete


def test_an_auto_delete_exchange_ends_with_its_last_binding(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.call(ExchangeDeclare('e', 'direct', auto_delete=True))
    channel.queue('q')
    channel.bind('q', 'e', 'a')
    channel.bind('q', 'e', 'b')
    channel.call(QueueUnbind('q', 'e', 'a'))
    assert exists(connection, 'e')

    channel.call(QueueUnbind('q', 'e', 'b'))

    assert not exists(connection, 'e')


def test_an_auto_delete_exchange_ends_with_the_bound_queue(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.call(ExchangeDeclare('e', 'direct', auto_delete=True))
    channel.bind(channel.queue('q'), 'e')

    channel.call(QueueDelete('q'))

    assert not exists(connection, 'e')


def test_an_auto_delete_exchange_ends_with_its_last_bound_exchange(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.call(ExchangeDeclare('e', 'direct', auto_delete=True))
    channel.bind_exchange(channel.exchange('destination'), 'e')

    channel.call(ExchangeUnbind('destination', 'e'))

    assert not exists(connection, 'e')


def test_auto_deletion_goes_on_along_the_bindings(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.call(ExchangeDeclare('first', 'fanout', auto_delete=True))
    channel.call(ExchangeDeclare('second', 'fanout', auto_delete=True))
    channel.bind_exchange('second', 'first')
    channel.bind(channel.queue('q'), 'second')

    channel.call(QueueDelete('q'))

    assert not exists(connection, 'second')
    assert not exists(connection, 'first')


def test_an_auto_delete_exchange_without_a_binding_stays(
    connection: RawConnection, channel: RawChannel
) -> None:
    channel.call(ExchangeDeclare('e', 'direct', auto_delete=True))
    channel.call(ExchangeDeclare('source', 'direct'))
    channel.bind_exchange('e', 'source')
    channel.call(ExchangeUnbind('e', 'source'))

    assert exists(connection, 'e')


# -- internal


def test_publishing_to_an_internal_exchange_is_refused(channel: RawChannel, vhost: str) -> None:
    channel.call(ExchangeDeclare('e', 'fanout', internal=True))

    assert channel.refused_publish(b'', 'e') == access_refused(
        f"cannot publish to internal exchange 'e' in vhost '{vhost}'"
    )


def test_an_internal_exchange_receives_from_other_exchanges(channel: RawChannel) -> None:
    channel.call(ExchangeDeclare('inner', 'fanout', internal=True))
    channel.bind(channel.queue('q'), 'inner')
    channel.bind_exchange('inner', channel.exchange('outer', 'fanout'))

    channel.put('', b'body', exchange='outer')

    assert channel.bodies('q') == [b'body']


# -- alternate exchanges


@pytest.fixture
def alternate(channel: RawChannel) -> str:
    """Return a fanout exchange, whose messages are in the queue `rest`."""
    channel.bind(channel.queue('rest'), channel.exchange('alternate', 'fanout'))
    return 'alternate'


def test_unroutable_messages_go_to_the_alternate(channel: RawChannel, alternate: str) -> None:
    channel.exchange('e', 'direct', {'alternate-exchange': alternate})
    channel.bind(channel.queue('q'), 'e', 'known')

    channel.put('known', b'1', exchange='e')
    channel.put('unknown', b'2', exchange='e')

    assert channel.bodies('q') == [b'1']
    message = channel.must_get('rest')
    assert (message.body, message.exchange, message.routing_key) == (b'2', 'e', 'unknown')


def test_a_mandatory_message_for_the_alternate_is_not_returned(
    channel: RawChannel, alternate: str
) -> None:
    channel.exchange('e', 'direct', {'alternate-exchange': alternate})

    channel.publish(b'', 'e', 'unknown', mandatory=True)

    channel.expect_nothing()


def test_a_mandatory_message_that_no_alternate_routes_is_returned(channel: RawChannel) -> None:
    channel.exchange('last', 'fanout')
    channel.exchange('e', 'direct', {'alternate-exchange': 'last'})

    channel.publish(b'body', 'e', 'unknown', mandatory=True)

    assert channel.expect_return().exchange == 'e'


def test_alternates_form_a_chain(channel: RawChannel, alternate: str) -> None:
    channel.exchange('second', 'direct', {'alternate-exchange': alternate})
    channel.exchange('first', 'direct', {'alternate-exchange': 'second'})

    channel.put('unknown', b'body', exchange='first')

    assert channel.must_get('rest').exchange == 'first'


def test_alternates_in_a_circle_drop_the_message(channel: RawChannel) -> None:
    channel.exchange('a', 'direct', {'alternate-exchange': 'b'})
    channel.exchange('b', 'direct', {'alternate-exchange': 'a'})

    channel.publish(b'body', 'a', 'key', mandatory=True)

    assert channel.expect_return().body == b'body'


def test_an_alternate_that_does_not_exist_is_as_none(channel: RawChannel) -> None:
    channel.exchange('e', 'direct', {'alternate-exchange': 'missing'})

    channel.publish(b'body', 'e', 'key', mandatory=True)

    assert channel.expect_return().body == b'body'


def test_the_alternate_may_be_an_internal_exchange(channel: RawChannel) -> None:
    channel.call(ExchangeDeclare('inner', 'fanout', internal=True))
    channel.bind(channel.queue('q'), 'inner')
    channel.exchange('e', 'direct', {'alternate-exchange': 'inner'})

    channel.put('key', b'body', exchange='e')

    assert channel.bodies('q') == [b'body']


def test_the_alternate_of_an_exchange_behind_another(channel: RawChannel, alternate: str) -> None:
    arguments: dict[str, Any] = {'alternate-exchange': alternate}
    channel.exchange('behind', 'direct', arguments)
    channel.bind_exchange('behind', channel.exchange('front', 'fanout'))

    channel.put('unknown', b'body', exchange='front')

    assert channel.bodies('rest') == [b'body']
