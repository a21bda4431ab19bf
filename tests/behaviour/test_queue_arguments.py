"""The arguments of queues: which values are refused, and with what text."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.framing.definitions import QueueDeclare, QueueDelete
from tests.behaviour.brokers import BrokerUnderTest
from tests.behaviour.client import RawChannel
from tests.behaviour.conftest import Vhosts
from tests.behaviour.texts import inequivalent, invalid_argument, precondition_failed

NUMBERS = ('x-message-ttl', 'x-expires', 'x-max-length', 'x-max-length-bytes', 'x-max-priority')
STRINGS = ('x-overflow', 'x-queue-type')
TEN_YEARS = 315_360_000_000  # milliseconds
FOREIGN = ('x-delivery-limit', 'x-max-age', 'x-initial-cluster-size', 'x-dead-letter-strategy')


@pytest.fixture(scope='module')
def vhost(vhosts: Vhosts) -> str:
    """The name of one virtual host for all these tests: none leaves what another minds."""
    return vhosts.take()


@pytest.mark.parametrize(
    ('argument', 'value', 'reason'),
    [
        ('x-message-ttl', -1, '{value_negative,-1}'),
        ('x-expires', 0, '{value_zero,0}'),
        ('x-expires', -5, '{value_negative,-5}'),
        ('x-max-length', -1, '{value_negative,-1}'),
        ('x-max-length-bytes', -1, '{value_negative,-1}'),
        ('x-max-priority', -1, '{value_negative,-1}'),
        ('x-max-priority', 256, '{max_value_exceeded,256}'),
        ('x-message-ttl', TEN_YEARS + 1, '{value_too_large,315360000001}'),
        ('x-expires', TEN_YEARS + 1, '{value_too_large,315360000001}'),
        ('x-overflow', 'drop-tail', 'invalid_overflow'),
        ('x-dead-letter-routing-key', 'key', 'routing_key_but_no_dlx_defined'),
        ('x-queue-version', 3, '"unsupported queue version \'3\'"'),
        ('x-queue-type', 'heap', '"unsupported queue type \'heap\'"'),
    ],
)
def test_a_value_out_of_range_is_refused(
    channel: RawChannel, vhost: str, argument: str, value: Any, reason: str
) -> None:
    refused = channel.refused(QueueDeclare('q', durable=True, arguments={argument: value}))

    assert refused == invalid_argument(argument, reason, vhost)


@pytest.mark.parametrize(
    ('value', 'type_'),
    [('5', 'longstr'), (5.0, 'double'), (True, 'bool'), ((5, 'T'), 'timestamp')],
    ids=str,
)
@pytest.mark.parametrize('argument', NUMBERS)
def test_a_number_of_another_type_is_refused(
    channel: RawChannel, vhost: str, argument: str, value: Any, type_: str
) -> None:
    refused = channel.refused(QueueDeclare('q', durable=True, arguments={argument: value}))

    assert refused == invalid_argument(argument, f'"expected integer, got {type_}"', vhost)


@pytest.mark.parametrize('argument', STRINGS)
def test_a_string_of_another_type_is_refused(
    channel: RawChannel, vhost: str, argument: str
) -> None:
    refused = channel.refused(QueueDeclare('q', durable=True, arguments={argument: 5}))

    assert refused == invalid_argument(argument, '{unacceptable_type,signedint}', vhost)


def test_a_dead_letter_exchange_that_is_no_string(channel: RawChannel, vhost: str) -> None:
    refused = channel.refused(
        QueueDeclare('q', durable=True, arguments={'x-dead-letter-exchange': 5})
    )

    assert refused == precondition_failed(
        "invalid type 'signedint' for arg 'x-dead-letter-exchange' in "
        f"queue 'q' in vhost '{vhost}'",
    )


@pytest.mark.parametrize('argument', FOREIGN)
def test_an_argument_of_another_type_of_queue(
    channel: RawChannel, vhost: str, argument: str
) -> None:
    refused = channel.refused(QueueDeclare('q', durable=True, arguments={argument: 5}))

    assert refused == precondition_failed(
        f"invalid arg '{argument}' for queue 'q' in vhost '{vhost}' of "
        'queue type rabbit_classic_queue',
    )


@pytest.mark.parametrize(
    ('letter', 'value'),
    [('b', 5), ('B', 5), ('s', 5), ('u', 5), ('I', 5), ('i', 5), ('l', 5), ('L', 5)],
)
@pytest.mark.parametrize('argument', ['x-message-ttl', 'x-max-priority'])
def test_integers_of_all_types_are_accepted(
    channel: RawChannel, argument: str, letter: str, value: int
) -> None:
    channel.queue('q', {argument: (value, letter)})
    channel.call(QueueDelete('q'))


@pytest.mark.parametrize(
    'arguments',
    [
        {'x-message-ttl': 0},
        {'x-max-length': 0},
        {'x-max-priority': 255},
        {'x-max-priority': 0},
        {'x-expires': TEN_YEARS},
        {'x-dead-letter-exchange': ''},
        {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': ''},
        {'x-dead-letter-exchange': 'missing'},
        {'x-queue-mode': 'lazy'},
        {'x-queue-version': 2},
        {'x-overflow': 'drop-head'},
        {'x-overflow': 'reject-publish'},
        {'x-overflow': 'reject-publish-dlx'},
        {'x-queue-type': 'classic'},
        {'x-single-active-consumer': False},
        {'x-single-active-consumer': True},
        {'anything': {'nested': [1, 2.5, None]}},
    ],
    ids=str,
)
def test_accepted_arguments(channel: RawChannel, arguments: dict[str, Any]) -> None:
    channel.queue('q', arguments)
    channel.queue('q', arguments)
    channel.call(QueueDelete('q'))


@pytest.mark.parametrize(
    ('value', 'reason'),
    [
        ('hasty', '"unsupported queue mode \'hasty\'"'),
        (5, '{unacceptable_type,signedint}'),
    ],
)
def test_only_older_versions_know_the_queue_mode(
    broker: BrokerUnderTest, channel: RawChannel, vhost: str, value: Any, reason: str
) -> None:
    method = QueueDeclare('q', durable=True, arguments={'x-queue-mode': value})

    if broker.version < (4, 3):
        assert channel.refused(method) == invalid_argument('x-queue-mode', reason, vhost)
    else:
        channel.call(method)
        channel.call(QueueDelete('q'))


def test_a_single_active_consumer_that_is_no_bool(channel: RawChannel, vhost: str) -> None:
    refused = channel.refused(
        QueueDeclare('q', durable=True, arguments={'x-single-active-consumer': 'yes'})
    )

    assert refused == invalid_argument(
        'x-single-active-consumer', '{unacceptable_type,longstr}', vhost
    )


def test_the_routing_key_of_dead_letters_that_is_no_string(channel: RawChannel, vhost: str) -> None:
    arguments = {'x-dead-letter-exchange': 'a', 'x-dead-letter-routing-key': 5}

    assert channel.refused(
        QueueDeclare('q', durable=True, arguments=arguments)
    ) == invalid_argument('x-dead-letter-routing-key', '{unacceptable_type,signedint}', vhost)


def test_an_existing_queue_is_compared_before_the_argument_is_validated(
    channel: RawChannel, vhost: str
) -> None:
    channel.queue('existing')

    assert channel.refused(
        QueueDeclare('existing', durable=True, arguments={'x-expires': 0})
    ) == inequivalent(
        'x-expires', "queue 'existing'", vhost, "the value '0' of type 'signedint'", 'none'
    )


def test_refused_arguments_make_no_queue(channel: RawChannel) -> None:
    second = channel.connection.channel()
    channel.refused(QueueDeclare('refused', durable=True, arguments={'x-expires': 0}))

    assert second.refused(QueueDeclare('refused', passive=True))[0] == 404
