"""A message as it was delivered, and the event that stands for it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.events import MessageReceived
from coolamqp.attaches.publication import Publication
from coolamqp.framing.definitions import BasicDeliver, BasicGetOk
from coolamqp.framing.frames import encode_method
from coolamqp.framing.hot import Envelope
from coolamqp.framing.method import Method
from coolamqp.framing.properties import BasicContentPropertyList
from coolamqp.objects import Message, Queue, ReceivedMessage
from coolamqp.objects.message import Settlement
from tests.support.ending import Ending
from tests.uplink.rig import Peers

DELIVER = BasicDeliver(b'tag', 7, True, b'ex', b'key')
GOT = BasicGetOk(7, False, b'ex', b'key', 0)


def payload_of(method: Method) -> bytes:
    return bytes(encode_method(1, method)[7:-1])


class Owner:
    """A Cluster that records what its messages ask of it."""

    def __init__(self) -> None:
        self.settled: list[tuple[int, Settlement, bool]] = []
        self.counts = True
        self.replies: list[tuple[bytes, BasicContentPropertyList, bytes]] = []
        self.copies: list[Publication] = []

    def settle(self, ledger: AckLedger, delivery_tag: int, how: Settlement, multiple: bool) -> bool:
        self.settled.append((delivery_tag, how, multiple))
        return self.counts

    def retry(self, ledger: AckLedger, delivery_tag: int, publication: Publication) -> bool:
        self.copies.append(publication)
        return self.counts

    def publish_reply(self, answer: Message, routing_key: bytes) -> Ending:
        self.replies.append((bytes(answer.body), answer.properties, routing_key))
        return Ending()


def delivery(
    owner: Owner | None = None,
    *,
    no_ack: bool = False,
    method: Method = DELIVER,
    properties: BasicContentPropertyList | None = None,
    retry_queue: Queue | None = None,
) -> Delivery:
    channel, _ = Peers().open().channel()
    ledger = None if no_ack else AckLedger(channel, [])
    if ledger is not None:
        ledger.retry_queue = retry_queue
    encoded = (properties or BasicContentPropertyList()).encoded
    envelope = Envelope(
        bytes(encode_method(1, method)[7:-1]), method.INDEX[0] << 16 | method.INDEX[1]
    )
    return Delivery(envelope, encoded, b'body', ledger, owner or Owner())


@pytest.fixture(params=[lambda message: message, MessageReceived], ids=['delivery', 'event'])
def form(request: pytest.FixtureRequest) -> Callable[[ReceivedMessage], ReceivedMessage]:
    """A message itself, or the event that stands for it."""
    made: Callable[[ReceivedMessage], ReceivedMessage] = request.param
    return made


Form = Callable[[ReceivedMessage], ReceivedMessage]


def test_a_message_says_where_it_came_from(form: Form) -> None:
    message = form(delivery(properties=BasicContentPropertyList(content_type='text')))
    assert (message.body, message.delivery_tag, message.redelivered) == (b'body', 7, True)
    assert (message.exchange_name, message.routing_key) == (b'ex', b'key')
    assert message.consumer_tag == b'tag'
    assert message.properties.content_type == b'text'


def test_a_message_that_was_fetched_has_no_consumer(form: Form) -> None:
    message = form(delivery(method=GOT))
    assert message.consumer_tag is None
    assert message.routing_key == b'key'


def test_a_message_is_settled_once(form: Form) -> None:
    owner = Owner()
    message = form(delivery(owner))
    calls = [message.ack(multiple=True), message.nack(), message.ack()]
    assert calls == [True, False, True]
    assert message.acked
    assert owner.settled == [(7, Settlement.ACK, True)]


def test_a_settlement_does_not_count_when_the_broker_has_the_message_back(form: Form) -> None:
    for settle in (ReceivedMessage.ack, ReceivedMessage.nack, ReceivedMessage.reject):
        owner = Owner()
        owner.counts = False
        message = form(delivery(owner))
        assert [settle(message), settle(message)] == [False, False]


def test_a_message_is_retried_by_a_copy(form: Form) -> None:
    owner, jobs = Owner(), Queue('jobs', durable=True, retry_delays=(1,))
    message = form(delivery(owner, retry_queue=jobs))
    assert [message.retry(), message.ack(), message.retry()] == [True, False, True]
    (copy,) = owner.copies
    assert (copy.exchange, copy.routing_key, copy.body) == (b'jobs.retry.1s', b'key', b'body')
    assert copy.mandatory
    assert owner.settled == []


@pytest.mark.parametrize('no_ack', [True, False])
def test_a_message_without_delays_cannot_be_retried(no_ack: bool, form: Form) -> None:
    message = form(delivery(no_ack=no_ack))
    with pytest.raises(ValueError, match='retry_delays'):
        message.retry()
    assert message.ack()


def test_a_message_that_the_broker_has_forgotten_needs_no_settlement(form: Form) -> None:
    owner = Owner()
    message = form(delivery(owner, no_ack=True))
    assert message.ack()
    assert message.acked
    assert message.delivery_tag is None
    assert owner.settled == []


def test_a_reply_goes_where_the_request_says(form: Form) -> None:
    owner = Owner()
    asked = BasicContentPropertyList(reply_to='asker', correlation_id='5')
    form(delivery(owner, properties=asked)).reply(b'answer')
    ((body, properties, routing_key),) = owner.replies
    assert (body, properties.correlation_id, routing_key) == (b'answer', b'5', b'asker')


def test_a_message_without_a_cluster_cannot_be_replied_to() -> None:
    encoded = BasicContentPropertyList(reply_to='asker').encoded
    message = Delivery(Envelope(payload_of(DELIVER)), encoded, b'', None, None)
    with pytest.raises(RuntimeError, match='did not come from a Cluster'):
        message.reply(b'answer')


def pickled(message: ReceivedMessage) -> Any:
    return pickle.loads(pickle.dumps(message))  # noqa: S301 - our own


@pytest.mark.parametrize('copy_of', [copy.copy, copy.deepcopy, pickled])
@pytest.mark.parametrize('kind', [lambda message: message, MessageReceived])
@pytest.mark.parametrize('method', [DELIVER, GOT])
def test_a_copy_has_everything_of_a_delivery_and_settles_nothing(
    method: Method, kind: Callable[[Any], Any], copy_of: Callable[[Any], Any]
) -> None:
    owner = Owner()
    original = kind(
        delivery(owner, method=method, properties=BasicContentPropertyList(reply_to='q'))
    )
    made = copy_of(original)
    for name in ('body', 'properties', 'exchange_name', 'routing_key', 'delivery_tag',
                 'redelivered', 'consumer_tag', 'acked', 'headers'):  # fmt: skip
        assert getattr(made, name) == getattr(original, name), name
    assert type(made) is type(original)
    made.ack()
    assert (owner.settled, original.acked) == ([], False)
    with pytest.raises(RuntimeError, match='did not come from a Cluster'):
        made.reply(b'')
