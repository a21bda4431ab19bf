"""A channel of the client for tests, with abbreviations for what many tests do.

What the broker sends stays in the inbox, in its order, until a test asks for it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Self, Unpack

from coolamqp.framing.definitions import (
    BasicAck,
    BasicCancel,
    BasicConsume,
    BasicDeliver,
    BasicGet,
    BasicGetOk,
    BasicNack,
    BasicPublish,
    BasicQos,
    BasicReject,
    BasicReturn,
    ChannelClose,
    ChannelCloseOk,
    ChannelFlow,
    ConfirmSelect,
    ExchangeBind,
    ExchangeDeclare,
    QueueBind,
    QueueDeclare,
    QueueDeclareOk,
)
from coolamqp.framing.field_table import Arguments
from coolamqp.framing.frames import (
    AMQPBodyFrame,
    AMQPHeaderFrame,
)
from coolamqp.framing.method import Method
from coolamqp.framing.properties import BasicContentPropertyList, PropertyKeywords
from tests.behaviour.wire import (
    TIMEOUT,
    Contents,
    Message,
    MethodT,
    Refused,
    eventually,
    refusal,
    text,
)

if TYPE_CHECKING:
    from tests.behaviour.client import RawConnection

BASIC_CLASS = 60


class RawChannel:
    """An open channel.

    :ivar number: its number
    """

    def __init__(self, connection: RawConnection, number: int) -> None:
        self.connection = connection
        self.number = number
        self.closed: Refused | None = None
        self._contents = Contents()
        self._published = 0  # since `confirm`
        self._unconfirmed: set[int] = set()
        self._inbox: deque[Method | Message[Any]] = deque()

    def add(self, frame: Any) -> None:
        """Add a received frame."""
        item = self._contents.add(frame)
        if isinstance(item, ChannelClose):
            self.send(ChannelCloseOk())
            self.closed = refusal(self.number, item)
            self.connection.forget(self.number)
        elif item is not None:
            self._inbox.append(item)

    # -- sending

    def send(self, method: Method) -> None:
        """Send a method, and do not wait for an answer."""
        self.connection.send(self.number, method)

    def call(self, method: Method) -> Any:
        """Send a method and return its answer; what comes before it stays in the inbox.

        :raises Refused: the broker closes the channel or the connection instead
        """
        self.send(method)
        return self.answer(method)

    def answer(self, method: Method) -> Any:
        """Return the answer of a method that was sent before."""
        assert method.ANSWERS, f'{method.NAME} has no answer'
        seen = 0
        while True:
            while seen == len(self._inbox):
                self._read(TIMEOUT)
            item = self._inbox[seen]
            found = item.method if isinstance(item, Message) else item
            if found.NAME in method.ANSWERS:
                del self._inbox[seen]
                return item
            seen += 1

    def refused(self, method: Method) -> tuple[int, str]:
        """Send a method; return code and text with which the broker closes for it.

        Checks that the broker blames this method, and that a soft error closes the channel.
        """
        self.send(method)
        return self.expect_close(method.INDEX)

    def refused_publish(
        self,
        body: bytes = b'',
        exchange: str = '',
        routing_key: str = '',
        *,
        immediate: bool = False,
        **properties: Unpack[PropertyKeywords],
    ) -> tuple[int, str]:
        """Publish; return code and text with which the broker closes for it."""
        self.publish(body, exchange, routing_key, immediate=immediate, **properties)
        return self.expect_close(BasicPublish.INDEX)

    def expect_close(self, index: tuple[int, int] | None = None) -> tuple[int, str]:
        """Return code and text with which the broker closes this channel or the connection.

        :param index: class and method that it must blame
        """
        try:
            while self.closed is None:
                self.connection.read()
            refused = self.closed
        except Refused as error:
            refused = error
        if index is not None:
            assert refused.index == index, f'{refused} blames {refused.index}'
        return refused.code, refused.text

    def publish(
        self,
        body: bytes = b'',
        exchange: str = '',
        routing_key: str = '',
        *,
        mandatory: bool = False,
        immediate: bool = False,
        **properties: Unpack[PropertyKeywords],
    ) -> None:
        """Publish a message."""
        self._published += 1
        self._unconfirmed.add(self._published)
        self.send(BasicPublish(exchange, routing_key, mandatory, immediate))
        self.send_content(body, BasicContentPropertyList(**properties))

    def send_content(self, body: bytes, properties: BasicContentPropertyList) -> None:
        """Send the header and the body of a content."""
        header = self._header(len(body), properties)
        size = self.connection.frame_max - 8 if self.connection.frame_max else len(body) or 1
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        frames = [header, *(AMQPBodyFrame(self.number, piece) for piece in pieces)]
        self.connection.wire.send(b''.join(frame.encode() for frame in frames))

    def send_header(self, size: int) -> None:
        """Send the header of a content without properties."""
        self.connection.wire.send(self._header(size, BasicContentPropertyList()).encode())

    def _header(self, size: int, properties: BasicContentPropertyList) -> AMQPHeaderFrame:
        return AMQPHeaderFrame(self.number, BASIC_CLASS, 0, size, properties)

    # -- receiving

    def next(self, timeout: float = TIMEOUT) -> Method | Message[Any]:
        """Return the next method or message that came, and remove it from the inbox."""
        while not self._inbox:
            self._read(timeout)
        return self._inbox.popleft()

    def expect(self, kind: type[MethodT]) -> MethodT:
        """Return the next method, which must be of a kind without a content."""
        item = self.next()
        assert isinstance(item, kind), f'{item} came, not {kind.__name__}'
        return item

    def next_message(self, timeout: float = TIMEOUT) -> Message[BasicDeliver]:
        """Return the next delivery; nothing else may come before it."""
        item = self.next(timeout)
        assert isinstance(item, Message), f'{item} came, not a delivery'
        assert isinstance(item.method, BasicDeliver), f'{item} came, not a delivery'
        return item

    def next_messages(self, count: int) -> list[Message[BasicDeliver]]:
        """Return the next deliveries."""
        return [self.next_message() for _ in range(count)]

    def next_bodies(self, count: int) -> list[bytes]:
        """Return the bodies of the next deliveries."""
        return [message.body for message in self.next_messages(count)]

    def expect_return(self) -> Message[BasicReturn]:
        """Return the next message, which must be a returned one."""
        item = self.next()
        assert isinstance(item, Message), f'{item} came, not a return'
        assert isinstance(item.method, BasicReturn), f'{item} came, not a return'
        return item

    def expect_nothing(self, *queues: str) -> None:
        """Check that nothing waits, after a round trip.

        :param queues: queues to go round with, so that their deliveries have come
        """
        for queue in queues:
            self.call(QueueDeclare(queue, passive=True))
        self.call(ChannelFlow(active=True))
        assert not self._inbox, list(self._inbox)

    def get(self, queue: str, *, no_ack: bool = False) -> Message[BasicGetOk] | None:
        """Return the first message of a queue; None if it is empty."""
        answer = self.call(BasicGet(queue, no_ack=no_ack))
        return answer if isinstance(answer, Message) else None

    def must_get(self, queue: str, *, no_ack: bool = False) -> Message[BasicGetOk]:
        """Return the first message of a queue, which must have one."""
        message = self.get(queue, no_ack=no_ack)
        assert message is not None, f'{queue} is empty'
        return message

    def await_get(self, queue: str, *, no_ack: bool = False) -> Message[BasicGetOk]:
        """Return the first message of a queue, as soon as it has one."""
        found = eventually(lambda: self.get(queue, no_ack=no_ack), f'a message in {queue}')
        assert isinstance(found, Message)
        return found

    def bodies(self, queue: str) -> list[bytes]:
        """Remove all messages of a queue, and return their bodies."""
        found = []
        while message := self.get(queue, no_ack=True):
            found.append(message.body)
        return found

    # -- abbreviations

    def queue(self, name: str = '', arguments: Arguments = None, *, durable: bool = True) -> str:
        """Declare a queue that is durable and nothing else; return its name."""
        answer = self.call(QueueDeclare(name, durable=durable, arguments=arguments))
        return text(answer.queue)

    def state(self, queue: str) -> QueueDeclareOk:
        """Return the answer to a passive declaration: the counts."""
        answer = self.call(QueueDeclare(queue, passive=True))
        assert isinstance(answer, QueueDeclareOk)
        return answer

    def count(self, queue: str) -> int:
        """Return the number of ready messages of a queue."""
        return self.state(queue).message_count

    def exchange(self, name: str, type_: str = 'direct', arguments: Arguments = None) -> str:
        """Declare a durable exchange; return its name."""
        self.call(ExchangeDeclare(name, type_, durable=True, arguments=arguments))
        return name

    def bind(self, queue: str, exchange: str, key: str = '', arguments: Arguments = None) -> None:
        """Bind a queue to an exchange."""
        self.call(QueueBind(queue, exchange, key, arguments=arguments))

    def bind_exchange(
        self, destination: str, source: str, key: str = '', arguments: Arguments = None
    ) -> None:
        """Bind an exchange to an exchange."""
        self.call(ExchangeBind(destination, source, key, arguments=arguments))

    def consume(self, queue: str, tag: str = '', *, no_ack: bool = False, **options: Any) -> str:
        """Start a consumer; return its tag."""
        answer = self.call(BasicConsume(queue, tag, no_ack=no_ack, **options))
        return text(answer.consumer_tag)

    def qos(self, count: int, *, global_: bool = False) -> None:
        """Limit the unacknowledged deliveries of each new consumer, or of the channel."""
        self.call(BasicQos(0, count, global_))

    def cancel(self, tag: str) -> None:
        """Cancel a consumer."""
        self.call(BasicCancel(tag))

    def ack(self, tag: int, *, multiple: bool = False) -> None:
        """Acknowledge a delivery."""
        self.send(BasicAck(tag, multiple))

    def nack(self, tag: int, *, multiple: bool = False, requeue: bool = False) -> None:
        """Refuse deliveries."""
        self.send(BasicNack(tag, multiple, requeue))

    def reject(self, tag: int, *, requeue: bool = False) -> None:
        """Reject a delivery."""
        self.send(BasicReject(tag, requeue))

    def confirm(self) -> Self:
        """Switch the channel to publisher confirms; return it."""
        self._published = 0
        self._unconfirmed.clear()
        self.call(ConfirmSelect())
        return self

    def put(
        self,
        routing_key: str,
        *bodies: bytes,
        exchange: str = '',
        **properties: Unpack[PropertyKeywords],
    ) -> None:
        """Publish messages on another channel, and return when the broker has confirmed them.

        Only then a queue counts them for certain: a queue of RabbitMQ answers a passive declaration
        before the messages that wait for it.
        """
        publisher = self.connection.publisher
        for body in bodies:
            publisher.publish(body, exchange, routing_key, **properties)
        publisher.await_acks()

    def await_acks(self) -> None:
        """Wait until all messages published here since `confirm` are acknowledged."""
        refused = self.await_confirms()
        assert not refused, f'the broker refused the messages {refused}'

    def await_confirms(self) -> set[int]:
        """Wait until all messages published here since `confirm` are acknowledged or refused.

        :returns: the numbers of those that are refused
        """
        refused: set[int] = set()
        while self._unconfirmed:
            answer = self.next()
            assert isinstance(answer, (BasicAck, BasicNack)), f'{answer} came, not a confirm'
            tag = answer.delivery_tag
            settled = set(range(1, tag + 1) if answer.multiple else [tag]) & self._unconfirmed
            assert settled, f'{answer} confirms nothing'
            self._unconfirmed -= settled
            if isinstance(answer, BasicNack):
                refused |= settled
        return refused

    def close(self) -> None:
        """Close the channel."""
        self.call(ChannelClose(200, 'done', 0, 0))
        self.connection.forget(self.number)

    def _read(self, timeout: float) -> None:
        if self.closed is not None:
            raise self.closed
        self.connection.read(timeout)
