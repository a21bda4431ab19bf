"""Messages, on their way out and on their way in."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, ClassVar

from mypy_extensions import mypyc_attr

from coolamqp.framing.field_table import plain_table
from coolamqp.framing.hot import Buffer
from coolamqp.framing.properties import (
    EMPTY_PROPERTIES,
    BasicContentPropertyList,
    check_property_names,
    received_properties,
)
from coolamqp.framing.text import Text, text_bytes


@mypyc_attr(allow_interpreted_subclasses=True)
class Message:
    """A body and its properties.

    :param body: anything with the buffer interface; it must not change until it is confirmed,
        since it is sent without being copied where that is possible
    :param properties: `MessageProperties`, or a dict of them
    :raises TypeError: the body is a str or something else without a buffer, or there is no property
        of a name
    :ivar Properties: `MessageProperties`, an attribute of the class

    >>> Message(b'hello', {'content_type': 'text/plain'}).properties.content_type
    'text/plain'
    """

    __slots__ = ('_properties', 'body')

    Properties: ClassVar[type[BasicContentPropertyList]] = BasicContentPropertyList

    # Any, since the compiled form would refuse a wrong type before we can say what would be right.
    def __init__(self, body: Any, properties: Any = None) -> None:
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
        self._properties: BasicContentPropertyList | None = properties

    @property
    def properties(self) -> BasicContentPropertyList:
        """Its properties."""
        if self._properties is None:
            self._properties = self._find_properties()
        return self._properties

    @properties.setter
    def properties(self, properties: BasicContentPropertyList) -> None:
        self._properties = properties

    def _find_properties(self) -> BasicContentPropertyList:
        """Wrap them when they are first asked for, where they were received encoded."""
        raise AttributeError('properties')

    def __repr__(self) -> str:
        return f'{type(self).__name__}({body_size(self.body)} bytes, {self.properties!r})'


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
    """Give a body as flat bytes, copied only if it is not contiguous or comes in pieces."""
    if isinstance(body, (bytes, bytearray)):
        return body
    if isinstance(body, list):
        return b''.join(body)
    view = memoryview(body)
    return view.cast('B') if view.c_contiguous else view.tobytes()


def body_size(body: Any) -> int:
    """Give the length of a body, in bytes."""
    if isinstance(body, list):
        return sum(piece.nbytes for piece in body)
    return len(body) if isinstance(body, (bytes, bytearray)) else memoryview(body).nbytes


class Settlement(IntEnum):
    """What is to become of a delivery.

    Refusing by basic.nack and by basic.reject differs: a quorum queue of RabbitMQ 4.3 counts only
    the latter against its delivery limit.
    """

    ACK = 0
    NACK_REQUEUE = 1
    NACK_DROP = 2
    REJECT_REQUEUE = 3
    REJECT_DROP = 4


@mypyc_attr(allow_interpreted_subclasses=True)
class ReceivedMessage(Message):
    """A message from a queue.

    :ivar delivery_tag: the broker's number for this delivery; None for a no_ack consumer
    :ivar acked: whether `ack()` has been called
    """

    __slots__ = (
        '_ack',
        '_exchange_name',
        '_headers',
        '_nack',
        '_routing_key',
        '_settled',
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
        self._exchange_name = exchange_name
        self._routing_key = routing_key
        self.delivery_tag = delivery_tag
        self.acked = False
        self._settled = False
        self._headers: dict[str, Any] | None = None
        self._ack = ack
        self._nack = nack

    def ack(self, multiple: bool = False) -> None:
        """Tell the broker that this message is taken care of; from any thread.

        Does nothing for a no_ack consumer, the second time, and when the channel is gone: the
        broker has put the message back into its queue then. A message of the Cluster for asyncio is
        acknowledged on its event loop.

        :param multiple: whether to acknowledge all earlier ones of this consumer with it
        """
        if not self._settled:
            self._settle(Settlement.ACK, multiple)
            self._settled = self.acked = True

    def nack(self, requeue: bool = True, multiple: bool = False) -> None:
        """Have the broker put the message back into its queue; otherwise like `ack`.

        :param requeue: False to have it dropped instead, or dead-lettered if its queue says so
        :param multiple: whether to do the same with all earlier ones of this consumer
        """
        if not self._settled:
            self._settle(Settlement.NACK_REQUEUE if requeue else Settlement.NACK_DROP, multiple)
            self._settled = True

    def reject(self, requeue: bool = False) -> None:
        """Have the broker drop the message, or dead-letter it; otherwise like `ack`.

        :param requeue: True to have it put back into its queue instead; a quorum queue counts that
            against its delivery limit
        """
        if not self._settled:
            how = Settlement.REJECT_REQUEUE if requeue else Settlement.REJECT_DROP
            self._settle(how, multiple=False)
            self._settled = True

    def _settle(self, how: Settlement, multiple: bool) -> None:
        tell = self._ack if how is Settlement.ACK else self._nack
        if tell is not None:
            tell()

    # Reading

    @property
    def exchange_name(self) -> Text:
        """The exchange that it was published to."""
        if self._exchange_name is None:
            self._exchange_name = self._find_exchange_name()
        return self._exchange_name

    @exchange_name.setter
    def exchange_name(self, name: Text) -> None:
        self._exchange_name = name

    @property
    def routing_key(self) -> Text:
        """The routing key that it was published with."""
        if self._routing_key is None:
            self._routing_key = self._find_routing_key()
        return self._routing_key

    @routing_key.setter
    def routing_key(self, key: Text) -> None:
        self._routing_key = key

    def _find_exchange_name(self) -> Text:
        """Decode it when it is first asked for, where it was received encoded."""
        raise AttributeError('exchange_name')

    def _find_routing_key(self) -> Text:
        """Do the same for the routing key."""
        raise AttributeError('routing_key')

    @property
    def redelivered(self) -> bool:
        """Whether the broker may have delivered this message before."""
        return False

    @property
    def consumer_tag(self) -> Text | None:
        """The tag of the consumer that it was delivered to, if it was."""
        return None

    @property
    def headers(self) -> dict[str, Any]:
        """The headers, as a dict of str to plain values; empty if there are none."""
        if self._headers is None:
            # Of the encoded form, which is typed throughout, whatever they were made from.
            typed = received_properties(self.properties.encoded).headers
            self._headers = plain_table(typed or ())
        return self._headers

    def text(self, encoding: str = 'utf-8') -> str:
        """Give the body as text.

        :raises UnicodeDecodeError: it is not text in this encoding
        """
        return str(flat_body(self.body), encoding)

    def reply(
        self, body: Any, properties: BasicContentPropertyList | dict[str, Any] | None = None
    ) -> Any:
        """Answer a request: publish to its `reply_to`, with its `correlation_id`.

        :param body: of the answer
        :param properties: of the answer
        :returns: a future that ends when the broker has taken the answer
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
