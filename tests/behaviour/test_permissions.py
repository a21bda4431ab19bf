"""Permissions: what a user may configure, write and read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from coolamqp.framing.definitions import (
    BasicConsume,
    BasicGet,
    ExchangeBind,
    ExchangeDeclare,
    ExchangeDelete,
    ExchangeUnbind,
    QueueBind,
    QueueDeclare,
    QueueDelete,
    QueuePurge,
    QueueUnbind,
)
from coolamqp.framing.method import Method
from tests.behaviour.brokers import BrokerUnderTest, by_version
from tests.behaviour.client import RawChannel, RawConnection
from tests.behaviour.texts import Refusal, access_refused

Login = Callable[..., RawConnection]
MINE = '^mine.*'
NOTHING = '^$'


@pytest.fixture
def user(vhost: str) -> str:
    """The name of the user of this test."""
    return f'{vhost}-user'


@pytest.fixture
def login(broker: BrokerUnderTest, vhost: str, user: str) -> Iterator[Login]:
    """Make the user with permissions, and connect as this user."""
    opened: list[RawConnection] = []

    def make(configure: str = '.*', write: str = '.*', read: str = '.*') -> RawConnection:
        broker.add_user(user, 'secret', vhost, configure, write, read)
        opened.append(RawConnection(broker.url(vhost, user, 'secret')))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def denied(broker: BrokerUnderTest, permission: str, thing: str, vhost: str, user: str) -> Refusal:
    """Return the error for a missing permission.

    :param thing: such as "queue 'q'"
    """
    prefix = by_version(broker, {(3, 10): '', (4, 0): f'{permission} '})
    return access_refused(f"{prefix}access to {thing} in vhost '{vhost}' refused for user '{user}'")


# What each method asks for: the permission, on what.
@pytest.mark.parametrize(
    ('method', 'permission', 'thing'),
    [
        (QueueDeclare('theirs'), 'configure', "queue 'theirs'"),
        (QueueDelete('theirs'), 'configure', "queue 'theirs'"),
        (ExchangeDeclare('theirs', 'direct'), 'configure', "exchange 'theirs'"),
        (ExchangeDelete('theirs'), 'configure', "exchange 'theirs'"),
        (QueuePurge('theirs'), 'read', "queue 'theirs'"),
        (BasicConsume('theirs'), 'read', "queue 'theirs'"),
        (BasicGet('theirs'), 'read', "queue 'theirs'"),
        (QueueBind('theirs', 'mine', 'key'), 'write', "queue 'theirs'"),
        (QueueBind('mine', 'theirs', 'key'), 'read', "exchange 'theirs'"),
        (QueueUnbind('theirs', 'mine', 'key'), 'write', "queue 'theirs'"),
        (QueueUnbind('mine', 'theirs', 'key'), 'read', "exchange 'theirs'"),
        (ExchangeBind('theirs', 'mine', 'key'), 'write', "exchange 'theirs'"),
        (ExchangeBind('mine', 'theirs', 'key'), 'read', "exchange 'theirs'"),
        (ExchangeUnbind('theirs', 'mine', 'key'), 'write', "exchange 'theirs'"),
        (ExchangeUnbind('mine', 'theirs', 'key'), 'read', "exchange 'theirs'"),
    ],
    ids=str,
)
def test_a_method_without_permission(
    broker: BrokerUnderTest,
    channel: RawChannel,
    login: Login,
    vhost: str,
    user: str,
    method: Method,
    permission: str,
    thing: str,
) -> None:
    for name in ('mine', 'theirs'):
        channel.exchange(name)
        channel.queue(name)
    connection = login(MINE, MINE, MINE)

    assert connection.channel().refused(method) == denied(broker, permission, thing, vhost, user)


def test_all_of_it_on_what_is_permitted(login: Login) -> None:
    channel = login(MINE, MINE, MINE).channel()
    channel.exchange('mine')
    channel.bind(channel.queue('mine'), 'mine', 'key')
    channel.bind_exchange(channel.exchange('mine too'), 'mine')
    channel.publish(b'body', 'mine', 'key')
    channel.consume('mine')
    assert channel.next_message().body == b'body'
    channel.call(QueuePurge('mine'))
    channel.call(QueueDelete('mine'))
    channel.call(ExchangeDelete('mine'))


def test_publishing_without_permission(
    broker: BrokerUnderTest, login: Login, vhost: str, user: str
) -> None:
    channel = login(write=MINE).channel()

    assert channel.refused_publish(b'', 'amq.direct', 'mine') == denied(
        broker, 'write', "exchange 'amq.direct'", vhost, user
    )


def test_publishing_to_the_default_exchange_without_permission(
    broker: BrokerUnderTest, login: Login, vhost: str, user: str
) -> None:
    channel = login(write=MINE).channel()

    assert channel.refused_publish(b'', '', 'mine') == denied(
        broker, 'write', "exchange 'amq.default'", vhost, user
    )


def test_the_permission_for_the_default_exchange(channel: RawChannel, login: Login) -> None:
    channel.queue('q')
    sender = login(write=r'^amq\.default$').channel()

    sender.put('q', b'body')

    assert channel.bodies('q') == [b'body']


@pytest.mark.parametrize('permission', ['configure', 'write', 'read'])
def test_any_permission_is_enough_for_a_passive_declaration(
    channel: RawChannel, login: Login, permission: str
) -> None:
    channel.queue('theirs')
    channel.exchange('theirs')
    permissions = {'configure': NOTHING, 'write': NOTHING, 'read': NOTHING, permission: '.*'}
    stranger = login(**permissions).channel()

    assert stranger.state('theirs').queue == b'theirs'
    stranger.call(ExchangeDeclare('theirs', passive=True))


@pytest.mark.parametrize(
    ('method', 'thing'),
    [
        (QueueDeclare('theirs', passive=True), "queue 'theirs'"),
        (ExchangeDeclare('theirs', passive=True), "exchange 'theirs'"),
    ],
    ids=str,
)
def test_a_passive_declaration_without_any_permission(
    broker: BrokerUnderTest,
    channel: RawChannel,
    login: Login,
    vhost: str,
    user: str,
    method: Method,
    thing: str,
) -> None:
    channel.queue('theirs')
    channel.exchange('theirs')
    stranger = login(NOTHING, NOTHING, NOTHING).channel()

    if broker.version < (4, 3):
        stranger.call(method)
    else:
        assert stranger.refused(method) == denied(broker, 'configure', thing, vhost, user)


def test_permissions_are_asked_before_existence(
    broker: BrokerUnderTest, login: Login, vhost: str, user: str
) -> None:
    channel = login(NOTHING, NOTHING, NOTHING).channel()

    assert channel.refused(BasicConsume('missing')) == denied(
        broker, 'read', "queue 'missing'", vhost, user
    )


def test_a_dead_letter_exchange_needs_permissions(
    broker: BrokerUnderTest, login: Login, vhost: str, user: str
) -> None:
    connection = login(write=MINE, read='.*')
    method = QueueDeclare('q', durable=True, arguments={'x-dead-letter-exchange': 'theirs'})

    assert connection.channel().refused(method) == denied(
        broker, 'write', "exchange 'theirs'", vhost, user
    )


def test_a_queue_with_a_dead_letter_exchange_must_be_readable(
    broker: BrokerUnderTest, login: Login, vhost: str, user: str
) -> None:
    connection = login(read=MINE)
    method = QueueDeclare('q', durable=True, arguments={'x-dead-letter-exchange': 'theirs'})

    assert connection.channel().refused(method) == denied(broker, 'read', "queue 'q'", vhost, user)


def test_an_alternate_exchange_needs_permissions(
    broker: BrokerUnderTest, login: Login, vhost: str, user: str
) -> None:
    connection = login(write=MINE)
    method = ExchangeDeclare('e', 'direct', arguments={'alternate-exchange': 'theirs'})

    assert connection.channel().refused(method) == denied(
        broker, 'write', "exchange 'theirs'", vhost, user
    )


def test_an_exchange_with_an_alternate_must_be_readable(
    broker: BrokerUnderTest, login: Login, vhost: str, user: str
) -> None:
    connection = login(read=MINE)
    method = ExchangeDeclare('e', 'direct', arguments={'alternate-exchange': 'theirs'})

    assert connection.channel().refused(method) == denied(
        broker, 'read', "exchange 'e'", vhost, user
    )


def test_a_generated_name_is_subject_to_permissions(
    broker: BrokerUnderTest, login: Login, vhost: str, user: str
) -> None:
    connection = login(configure=MINE)

    code, text = connection.channel().refused(QueueDeclare(exclusive=True))

    name = text.partition("queue '")[2].partition("'")[0]
    assert name.startswith('amq.gen-')
    assert (code, text) == denied(broker, 'configure', f"queue '{name}'", vhost, user)


def test_a_pattern_matches_anywhere_in_a_name(login: Login) -> None:
    channel = login(configure='b').channel()

    assert channel.queue('abc') == 'abc'
    assert channel.refused(QueueDeclare('acc'))[0] == 403


def test_an_empty_pattern_permits_nothing(login: Login) -> None:
    assert login(configure='').channel().refused(QueueDeclare('q'))[0] == 403


def test_direct_reply_to_needs_no_permission(channel: RawChannel, login: Login) -> None:
    channel.queue('q')
    channel.consume('q', no_ack=True)
    asking = login(NOTHING, r'^amq\.default$', r'^amq\.rabbitmq\.reply-to').channel()
    asking.consume('amq.rabbitmq.reply-to', no_ack=True)

    asking.publish(b'', '', 'q', reply_to='amq.rabbitmq.reply-to')

    assert channel.next_message().properties.reply_to != b'amq.rabbitmq.reply-to'
