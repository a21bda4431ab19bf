"""The options of queues: invalid arguments, and arguments together with policies."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from coolamqp.broker.arguments import NamedArguments, named
from coolamqp.broker.errors import Refusal
from coolamqp.broker.queue_options import (
    CLASSIC,
    QUORUM,
    STREAM,
    QueueOptions,
    check_arguments,
    make_options,
)
from coolamqp.framing.field_table import encode_table, read_table
from coolamqp.framing.primitives import Reader

WHERE = "queue 'q' in vhost '/'"
TEN_YEARS = 315_360_000_000  # milliseconds


def arguments(table: dict[str, Any]) -> NamedArguments:
    encoded = encode_table(table)
    return named(read_table(Reader(encoded, 0, len(encoded), 'a test')))


def options(
    table: dict[str, Any], policy: dict[str, Any] | None = None, kind: str = CLASSIC
) -> QueueOptions:
    return make_options(arguments(table), policy or {}, kind)


@pytest.mark.parametrize(
    'table',
    [
        {},
        {'x-unknown': [1, 2]},
        {'x-message-ttl': 0},
        {'x-message-ttl': TEN_YEARS},
        {'x-expires': 1},
        {'x-max-priority': 255},
        {'x-overflow': 'reject-publish-dlx'},
        {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'q'},
        {'x-queue-version': 2},
        {'x-queue-mode': 'lazy'},
    ],
)
def test_valid_arguments(table: dict[str, Any]) -> None:
    assert check_arguments(arguments(table), WHERE) == CLASSIC


@pytest.mark.parametrize(
    'table',
    [
        {'x-message-ttl': -1},
        {'x-message-ttl': TEN_YEARS + 1},
        {'x-message-ttl': '5'},
        {'x-message-ttl': 5.0},
        {'x-expires': 0},
        {'x-max-length': -1},
        {'x-max-priority': 256},
        {'x-overflow': 'drop-tail'},
        {'x-overflow': 5},
        {'x-dead-letter-exchange': 5},
        {'x-dead-letter-routing-key': 'q'},
        {'x-single-active-consumer': 1},
        {'x-queue-type': 'cubic'},
        {'x-queue-type': None},
        {'x-queue-mode': 'eager'},
        {'x-queue-version': 3},
        {'x-max-age': '1D'},
        {'x-queue-type': STREAM, 'x-max-age': '1W'},
        {'x-queue-type': STREAM, 'x-max-age': 'D'},
        {'x-queue-type': STREAM, 'x-max-age': '\N{ARABIC-INDIC DIGIT FIVE}D'},
        {'x-queue-type': STREAM, 'x-max-age': 5},
        {'x-queue-type': STREAM, 'x-message-ttl': 5},
        {'x-queue-type': QUORUM, 'x-max-priority': 5},
        {'x-delivery-limit': 5},
    ],
)
def test_invalid_arguments_are_refused(table: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match='invalid arg') as caught:
        check_arguments(arguments(table), WHERE)

    assert caught.value.reply_code == 406


def test_the_lower_of_two_numbers_counts() -> None:
    policy = {'message-ttl': 50, 'max-length': 5}

    assert options({'x-message-ttl': 100}, policy).message_ttl == 50
    assert options({'x-message-ttl': 10}, policy).message_ttl == 10
    assert options({}, policy).max_length == 5
    assert options({}).max_length is None


def test_an_argument_hides_the_text_of_a_policy() -> None:
    policy = {'dead-letter-exchange': 'of-policy', 'overflow': 'reject-publish'}

    assert options({'x-dead-letter-exchange': 'mine'}, policy).dead_letter_exchange == b'mine'
    assert options({}, policy).dead_letter_exchange == b'of-policy'
    assert options({}, policy).overflow == 'reject-publish'
    assert options({}).overflow == 'drop-head'


def test_a_quorum_queue_has_a_delivery_limit() -> None:
    assert options({}, kind=QUORUM).delivery_limit == 20
    assert options({'x-delivery-limit': 3}, {'delivery-limit': 2}, QUORUM).delivery_limit == 2
    assert options({}, {'delivery-limit': 2}).delivery_limit is None


@pytest.mark.parametrize(
    ('text', 'seconds'),
    [
        ('5s', 5),
        ('2m', 120),
        ('1h', 3600),
        ('1D', 86400),
        ('1M', 2592000),
        ('9' * 5000 + 'Y', inf),
    ],
)
def test_an_age_has_a_unit(text: str, seconds: int) -> None:
    assert options({'x-max-age': text}, kind=STREAM).max_age == seconds
