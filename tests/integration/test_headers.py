"""Headers and properties of every type, beside pika, and after RabbitMQ has had a look at them."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from coolamqp.clustering import Cluster
from coolamqp.objects import Exchange, Message, MessageProperties, Queue
from tests.integration.support import PATIENCE, Collector, confirmed, consume
from tests.support.nodes import BrokerNode, is_embedded

pytestmark = pytest.mark.integration

WHEN = datetime(2026, 11, 24, 4, 5, 6, tzinfo=UTC)
# name: what we send, and what pika reads, which cuts floats to whole numbers.
OURS: dict[str, tuple[Any, Any]] = {
    'true': (True, True),
    'false': (False, False),
    'none': (None, None),
    'str': ('zażółć', 'zażółć'),
    'empty str': ('', ''),
    'bytes': (b'plain', 'plain'),
    'bytearray': (bytearray(b'\x00\xff'), b'\x00\xff'),
    'float': (-1.5e300, -1.5e300),
    'Decimal': (Decimal('3.14'), Decimal('3.14')),
    'datetime': (WHEN, WHEN),
    'list': ([1, 'two', None, [b'3', [True]]], [1, 'two', None, ['3', [True]]]),
    'dict': ({'a': {'b': {'c': [1, {'d': -1}]}}}, {'a': {'b': {'c': [1, {'d': -1}]}}}),
    'empty list': ([], []),
    'empty dict': ({}, {}),
}
EDGES = [0, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32, 2**63 - 1]
INTS = sorted({sign * edge for edge in EDGES for sign in (1, -1)} | {-(2**63)})
OURS.update({f'int {number}': (number, number) for number in INTS})
UNKNOWN_TO_PIKA = {'float'}  # it can read, but not write it


def test_pika_reads_the_headers_that_we_write(
    cluster: Cluster, pika_channel: BlockingChannel
) -> None:
    cluster.declare(Queue('ours')).result(PATIENCE)
    headers = {name: ours for name, (ours, _) in OURS.items()}
    confirmed(cluster, b'', 'ours', {'headers': headers}).result(PATIENCE)

    _, properties, _ = pika_channel.basic_get('ours', auto_ack=True)

    assert properties is not None
    assert properties.headers == {name: theirs for name, (_, theirs) in OURS.items()}


def test_we_read_the_headers_that_we_write(cluster: Cluster) -> None:
    collector = Collector()
    consume(cluster, Queue('own', auto_delete=True), collector)
    headers = {name: ours for name, (ours, _) in OURS.items()}
    confirmed(cluster, b'', 'own', {'headers': headers}).result(PATIENCE)

    (message,) = collector.wait_for(1)
    received = plain(dict(message.properties.headers or ()))
    assert received.keys() == headers.keys()
    for name, sent in headers.items():
        assert received[name] == as_received(sent), name


def test_we_read_the_headers_that_pika_writes(
    cluster: Cluster, pika_channel: BlockingChannel
) -> None:
    collector = Collector()
    consume(cluster, Queue('theirs', auto_delete=True), collector)
    headers = {name: theirs for name, (_, theirs) in OURS.items() if name not in UNKNOWN_TO_PIKA}
    pika_channel.basic_publish('', 'theirs', b'', pika.BasicProperties(headers=headers))

    (message,) = collector.wait_for(1)
    received = plain(dict(message.properties.headers or ()))
    assert received.keys() == headers.keys()
    for name, sent in headers.items():
        assert received[name] == as_received(sent), name


@pytest.mark.parametrize('exchange', [Exchange(), Exchange('sorting', b'headers')], ids=repr)
def test_an_int_over_63_bits_is_what_rabbitmq_makes_of_it(
    cluster: Cluster, rabbitmq: BrokerNode, exchange: Exchange
) -> None:
    collector = Collector()
    queue = Queue(
        'big', auto_delete=True, exchange=exchange, arguments_bind={'x-match': 'any', 'other': 1}
    )
    consume(cluster, queue, collector)
    headers = {'big': (2**64 - 1, 'L'), 'other': 1}  # a headers exchange has RabbitMQ read them
    future = cluster.publish(Message(b'', {'headers': headers}), exchange, 'big', confirm=True)
    assert future is not None
    future.result(PATIENCE)

    (message,) = collector.wait_for(1)
    # RabbitMQ takes 64 bits for signed ones, whatever their type letter. 3.10 hands headers on as
    # they came, 4.0 writes anew what it has read.
    # RabbitMQ 4 encodes headers anew; 3.10 and the embedded broker leave them as they are.
    big = 2**64 - 1 if rabbitmq.version < (4,) or is_embedded() else -1
    assert plain(dict(message.properties.headers or ())) == {'big': big, 'other': 1}


def plain(typed: dict[Any, Any]) -> dict[str, Any]:
    """Make plain values of the typed form in which headers are received."""
    return {bytes(name).decode(): plain_value(*value) for name, value in typed.items()}


def plain_value(value: Any, letter: bytes | str) -> Any:
    kind = letter if isinstance(letter, str) else letter.decode()
    if kind == 'F':
        return plain(dict(value))
    if kind == 'T':
        return datetime.fromtimestamp(value, UTC)
    if kind == 'A':
        return [plain_value(*each) for each in value]
    return value


def as_received(value: Any) -> Any:
    """Say what a value looks like after a journey: text comes back as bytes."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict):
        return {name: as_received(each) for name, each in value.items()}
    if isinstance(value, list):
        return [as_received(each) for each in value]
    return value


TEXTS = [
    'content_type', 'content_encoding', 'correlation_id', 'reply_to', 'message_id', 'app_id',
]  # fmt: skip


def test_every_property_reaches_pika(cluster: Cluster, pika_channel: BlockingChannel) -> None:
    cluster.declare(Queue('properties')).result(PATIENCE)
    texts: dict[str, Any] = {name: name for name in TEXTS}
    properties = MessageProperties(
        **texts,
        delivery_mode=2, priority=9, expiration='60000', timestamp=1_790_000_000, type_='type',
        user_id='guest',
    )  # fmt: skip
    confirmed(cluster, b'', 'properties', properties).result(PATIENCE)

    _, theirs, _ = pika_channel.basic_get('properties', auto_ack=True)

    assert theirs is not None
    assert {name: getattr(theirs, name) for name in TEXTS} == texts
    assert (theirs.delivery_mode, theirs.priority, theirs.expiration) == (2, 9, '60000')
    assert (theirs.timestamp, theirs.type, theirs.user_id) == (1_790_000_000, 'type', 'guest')


def test_only_the_properties_that_were_set_arrive(
    cluster: Cluster, pika_channel: BlockingChannel
) -> None:
    collector = Collector()
    consume(cluster, Queue('few', auto_delete=True), collector)
    some = ('app_id', 'priority', 'timestamp')
    chosen = [pick for size in range(4) for pick in itertools.combinations(some, size)]
    values: dict[str, Any] = {'app_id': 'we', 'priority': 0, 'timestamp': 0}
    for pick in chosen:
        theirs = pika.BasicProperties(**{name: values[name] for name in pick})
        pika_channel.basic_publish('', 'few', b'', theirs)

    for message, pick in zip(collector.wait_for(len(chosen)), chosen, strict=True):
        for name in some:
            value = getattr(message.properties, name)
            expected = values[name] if name in pick else None
            assert value == (b'we' if expected == 'we' else expected), (name, pick)
