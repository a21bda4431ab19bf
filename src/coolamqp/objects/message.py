"""Messages, to be published and received."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import IntEnum
from typing import Any, ClassVar, Final, TypeAlias, Unpack

from mypy_extensions import mypyc_attr

from coolamqp.framing.field_table import plain_table
from coolamqp.framing.hot import Buffer
from coolamqp.framing.properties import (
    EMPTY_PROPERTIES,
    BasicContentPropertyList,
    PropertyKeywords,
    ReceivedProperties,
    check_property_names,
)
from coolamqp.framing.text import ReceivedBytes, Text, text_bytes

# The header with the number of the attempt to handle a message, see `ReceivedMessage.retry`.
ATTEMPT: Final = 'x-attempt'

# For `copy` and `pickle`: a function, and its arguments, a class and the attributes of an object.
Parts: TypeAlias = tuple[Any, tuple[type, dict[str, Any]]]


def _dumps(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(',', ':'))
    return text.encode()


@mypyc_attr(allow_interpreted_subclasses=True)
class Message:
    """A body and its properties.

    Two messages are equal if their bodies and their properties are. A copy, or a pickled message,
    has its body as bytes.

    :param body: anything with the buffer interface; it must not change until the message is
        confirmed, since CoolAMQP avoids copying it
    :param properties: `MessageProperties`, or a dict of them
    :param keywords: properties by keyword; they override those in `properties`
    :raises TypeError: the body has no buffer interface, as a str has none; or no property has a
        name
    :raises ValueError: the value of a property is out of range
    :ivar body: the body that was passed
    :ivar Properties: `MessageProperties`, an attribute of the class

    >>> Message(b'hello', content_type='text/plain').properties.content_type
    'text/plain'
    """

    __slots__ = ('_properties', 'body')

    Properties: ClassVar[type[BasicContentPropertyList]] = BasicContentPropertyList

    # Any: for another type the compiled form would raise an error without a hint before ours.
    def __init__(
        self, body: Any, properties: Any = None, **keywords: Unpack[PropertyKeywords]
    ) -> None:
        self.body: Any = body if isinstance(body, bytes) else _checked_body(body)
        if properties is None:
            properties = EMPTY_PROPERTIES
        elif isinstance(properties, dict):
            check_property_names(properties)
            properties = BasicContentPropertyList(**properties)
        elif not isinstance(properties, BasicContentPropertyList):
            raise TypeError(
                f'properties must be MessageProperties or a dict, not {type(properties).__name__}'
            )
        if keywords:
            check_property_names(keywords)
            properties = properties.replace(**keywords)
        self._properties: BasicContentPropertyList | None = properties

    @staticmethod
    def json(
        value: Any,
        properties: Any = None,
        *,
        dumps: Callable[[Any], str | bytes] | None = None,
        **keywords: Unpack[PropertyKeywords],
    ) -> Message:
        """Return a message with a value as JSON, of the content type ``application/json``.

        :param value: the value
        :param properties: as for a `Message`
        :param dumps: returns the JSON of a value, as str or bytes; None for compact JSON in UTF-8
        :param keywords: properties by keyword
        :raises TypeError: JSON has no form for the value
        :raises ValueError: the same, for a number that JSON does not have

        >>> Message.json({'order': 17}).body
        b'{"order":17}'
        """
        text = _dumps(value) if dumps is None else dumps(value)
        body = text.encode() if isinstance(text, str) else text
        message = Message(body, properties, **keywords)
        if message.properties.get('content_type') is None:
            message.properties = message.properties.replace(content_type='application/json')
        return message

    @property
    def properties(self) -> BasicContentPropertyList:
        """The properties of the message."""
        if self._properties is None:
            self._properties = self._find_properties()
        return self._properties

    @properties.setter
    def properties(self, properties: BasicContentPropertyList) -> None:
        self._properties = properties

    def _find_properties(self) -> BasicContentPropertyList:
        """Return the properties, in a subclass that makes them when they are first read."""
        raise AttributeError('properties')

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        same_bodies = flat_body(self.body) == flat_body(other.body)
        return same_bodies and self.properties == other.properties

    def __hash__(self) -> int:
        return hash((bytes(flat_body(self.body)), self.properties))

    def __reduce__(self) -> Parts:
        attributes: dict[str, Any] = {**getattr(self, '__dict__', {})}
        attributes['body'] = bytes(flat_body(self.body))
        attributes['properties'] = self.properties
        return _make, (type(self), attributes)

    def __repr__(self) -> str:
        return f'{type(self).__name__}({body_size(self.body)} bytes, {self.properties!r})'


def _make(cls: Any, attributes: dict[str, Any]) -> Any:
    message = cls.__new__(cls)
    for name, value in attributes.items():
        setattr(message, name, value)
    return message


def _checked_body(body: Any) -> Any:
    if isinstance(body, str):
        raise TypeError(
            "a message body must be bytes, not str; encode it, e.g. text.encode('utf-8')"
        )
    if isinstance(body, list) and all(isinstance(piece, memoryview) for piece in body):
        return body  # As LIST_OF_MEMORYVIEW delivers it.
    try:
        memoryview(body)
    except TypeError:
        raise TypeError(
            f'a message body must be bytes or have the buffer interface, not {type(body).__name__}'
        ) from None
    return body


def flat_body(body: Any) -> Buffer:
    """Return a body as flat bytes; copies it only if it is in pieces or not contiguous."""
    if isinstance(body, (bytes, bytearray)):
        return body
    if isinstance(body, list):
        return b''.join(body)
    view = memoryview(body)
    return view.cast('B') if view.c_contiguous else view.tobytes()


def body_size(body: Any) -> int:
    """Return the length of a body, in bytes."""
    if isinstance(body, list):
        return sum(piece.nbytes for piece in body)
    return len(body) if isinstance(body, (bytes, bytearray)) else memoryview(body).nbytes


class Settlement(IntEnum):
    """The ways to settle a delivery.

    basic.nack and basic.reject differ: a quorum queue of RabbitMQ 4.3 counts only the latter
    against its delivery limit. A retry is an ACK for the broker, once it has the copy.
    """

    ACK = 0
    NACK_REQUEUE = 1
    NACK_DROP = 2
    REJECT_REQUEUE = 3
    REJECT_DROP = 4
    RETRY = 5


@mypyc_attr(allow_interpreted_subclasses=True)
class ReceivedMessage(Message):
    """A message from a queue.

    It is equal to no other message, since each is settled by itself. A copy, or a pickled message,
    settles nothing: settle the original.

    :ivar body: the body: `bytes`, unless the consumer has chosen another `body_receive_mode`
    :ivar delivery_tag: the broker's number for this delivery; None for a no_ack consumer
    :ivar acked: whether `ack()` has been called
    """

    __slots__ = (
        '_ack',
        '_counts',
        '_exchange_name',
        '_headers',
        '_nack',
        '_routing_key',
        '_settlement',
        'acked',
        'delivery_tag',
    )

    def __init__(
        self,
        body: Any,
        exchange_name: Text | None,
        routing_key: Text | None,
        properties: BasicContentPropertyList | None = None,
        delivery_tag: int | None = None,
        ack: Callable[[], Any] | None = None,
        nack: Callable[[], Any] | None = None,
    ) -> None:
        super().__init__(body, properties)
        self._exchange_name = _received(exchange_name, 'exchange_name')
        self._routing_key = _received(routing_key, 'routing_key')
        self.delivery_tag = delivery_tag
        self.acked = False
        self._settlement: Settlement | None = None
        self._counts = False
        self._headers: dict[str, Any] | None = None
        self._ack = ack
        self._nack = nack

    def ack(self, multiple: bool | int = False) -> bool:
        """Acknowledge the message; from any thread.

        Only the first call of `ack`, `nack` or `reject` settles the message. With the Cluster for
        asyncio, call it on the event loop.

        :param multiple: whether to acknowledge all earlier messages of this consumer too
        :returns: whether the acknowledgement counts. False if the broker has taken the message
            back, because the connection was lost or the consumer has ended: the message comes
            again. False also if the message was nacked or rejected before. For a no_ack consumer
            it is True, because the broker regards the message as acknowledged
        """
        counts = self._settle_once(Settlement.ACK, bool(multiple))
        self.acked = self._settlement is Settlement.ACK
        return counts

    def nack(self, requeue: bool | int = True, multiple: bool | int = False) -> bool:
        """Refuse the message, and requeue it; otherwise like `ack`.

        :param requeue: False to drop the message instead, or dead-letter it if its queue does so
        :param multiple: whether to refuse all earlier messages of this consumer too
        :returns: whether it counts, see `ack`
        """
        how = Settlement.NACK_REQUEUE if requeue else Settlement.NACK_DROP
        return self._settle_once(how, bool(multiple))

    def reject(self, requeue: bool | int = False) -> bool:
        """Reject the message: drop it, or dead-letter it if its queue does so; else like `ack`.

        :param requeue: True to requeue the message instead; a quorum queue counts that against its
            delivery limit
        :returns: whether it counts, see `ack`
        """
        how = Settlement.REJECT_REQUEUE if requeue else Settlement.REJECT_DROP
        return self._settle_once(how, multiple=False)

    def retry(self, reason: str = '') -> bool:
        """Let the message be delivered again after the next of the `retry_delays` of its queue.

        CoolAMQP publishes a copy to a queue for this delay, and acknowledges the message when the
        broker has confirmed the copy. So the message is never lost between the two, and may come
        twice if the connection breaks. After its last attempt, the message goes to the dead-letter
        queue. If the copy cannot be published, the message is requeued after a second.

        From any thread, as for `ack`. Only the first call of `ack`, `nack`, `reject` or `retry`
        settles the message.

        :param reason: why the attempt has failed, for the header ``x-retry-reason`` of the copy
        :returns: whether it counts, see `ack`
        :raises ValueError: the queue has no `retry_delays`, or the message is from a no_ack
            consumer

        >>> jobs = Queue('jobs', durable=True, retry_delays=(1, 10, 60))
        >>> consumer = Consumer(jobs, lambda message: message.retry(), no_ack=False)
        """
        if self._settlement is None:
            self._counts = self._retry(reason)
            self._settlement = Settlement.RETRY
        return self._counts and self._settlement is Settlement.RETRY

    def _retry(self, reason: str) -> bool:
        """Publish the message for its next attempt. Return whether it counts."""
        raise ValueError(
            'only a message that needs an acknowledgement, from a consumer of a Queue with '
            'retry_delays, can be retried; requeue this one with nack()'
        )

    def _settle_once(self, how: Settlement, multiple: bool) -> bool:
        if self._settlement is None:
            self._counts = self._settle(how, multiple)
            self._settlement = how
        return self._counts and self._settlement is how

    def _settle(self, how: Settlement, multiple: bool) -> bool:
        """Settle the message. Return whether it counts."""
        tell = self._ack if how is Settlement.ACK else self._nack
        if tell is not None:
            tell()
        return True

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __reduce__(self) -> Parts:
        make, (cls, attributes) = super().__reduce__()
        for name in ('exchange_name', 'routing_key', 'delivery_tag', 'acked'):
            attributes[name] = getattr(self, name)
        attributes['_settlement'], attributes['_counts'] = self._settlement, self._counts
        for name in ('_headers', '_ack', '_nack'):
            attributes[name] = None
        return make, (cls, attributes)

    # Envelope, properties and headers

    @property
    def properties(self) -> ReceivedProperties:
        """The properties of the message; their texts are bytes."""
        properties = self._properties or self._find_properties()
        if not isinstance(properties, ReceivedProperties):
            properties = ReceivedProperties(properties.encoded)
        self._properties = properties
        return properties

    @properties.setter
    def properties(self, properties: BasicContentPropertyList) -> None:
        self._properties = properties

    @property
    def exchange_name(self) -> ReceivedBytes:
        """The exchange to which the message was published."""
        if self._exchange_name is None:
            self._exchange_name = self._find_exchange_name()
        return self._exchange_name

    @exchange_name.setter
    def exchange_name(self, name: Text) -> None:
        self._exchange_name = _received(name, 'exchange_name')

    @property
    def routing_key(self) -> ReceivedBytes:
        """The routing key with which the message was published."""
        if self._routing_key is None:
            self._routing_key = self._find_routing_key()
        return self._routing_key

    @routing_key.setter
    def routing_key(self, key: Text) -> None:
        self._routing_key = _received(key, 'routing_key')

    def _find_exchange_name(self) -> ReceivedBytes:
        """Return the exchange name, in a subclass that decodes it when it is first read."""
        raise AttributeError('exchange_name')

    def _find_routing_key(self) -> ReceivedBytes:
        """Return the routing key, in a subclass that decodes it when it is first read."""
        raise AttributeError('routing_key')

    @property
    def redelivered(self) -> bool:
        """Whether the broker may have delivered this message before."""
        return False

    @property
    def attempt(self) -> int:
        """The number of this attempt to handle the message: 1, and 2 after the first `retry`."""
        attempt = self.headers.get(ATTEMPT)
        return attempt if isinstance(attempt, int) and attempt > 0 else 1

    @property
    def consumer_tag(self) -> ReceivedBytes | None:
        """The tag of the consumer that received the message; None for a fetched one."""
        return None

    @property
    def headers(self) -> dict[str, Any]:
        """The headers, as a dict of str to plain values; empty if there are none."""
        if self._headers is None:
            self._headers = plain_table(self.properties.headers or ())
        return self._headers

    def text(self, encoding: str = 'utf-8') -> str:
        """Return the body as text.

        :raises UnicodeDecodeError: the body is no text in this encoding
        """
        return str(flat_body(self.body), encoding)

    def json(  # type: ignore[override]  # `Message.json` makes a message; nobody makes a received one.
        self, loads: Callable[[bytes], Any] | None = None
    ) -> Any:
        """Return the value in the body, which is JSON.

        :param loads: returns the value for JSON as bytes; None for `json.loads`
        :raises ValueError: the body is no JSON
        """
        text = bytes(flat_body(self.body))
        return json.loads(text) if loads is None else loads(text)

    def reply(
        self, body: Any, properties: BasicContentPropertyList | dict[str, Any] | None = None
    ) -> Any:
        """Answer a request: publish to its `reply_to`, with its `correlation_id`.

        :param body: of the answer
        :param properties: of the answer
        :returns: a future that ends when the broker has accepted the answer
        :raises ValueError: the message asks for no reply
        :raises RuntimeError: the message did not come from a Cluster
        """
        if not self.properties.reply_to:
            raise ValueError('this message asks for no reply: it has no reply_to')
        answer = Message(body, properties)
        asked = self.properties.correlation_id
        if asked is not None:
            answer.properties = answer.properties.replace(correlation_id=asked)
        return self._publish_reply(answer, text_bytes(self.properties.reply_to, 'reply_to'))

    def _publish_reply(self, answer: Message, routing_key: bytes) -> Any:
        raise RuntimeError('this message did not come from a Cluster that could send a reply')


def _received(text: Text | None, field: str) -> ReceivedBytes | None:
    """Return a text in the form of a received one."""
    if text is None or isinstance(text, ReceivedBytes):
        return text
    return ReceivedBytes(text_bytes(text, field))
