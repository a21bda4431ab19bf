"""A small blocking client that shows each method and message of the broker, in order.

This module has connections and channels over a `Wire`. An error of the broker raises `Refused`,
which fails the test with the reason, unless the test expects it. One thread uses a connection at a
time.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Self, Unpack
from urllib.parse import unquote, urlsplit

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
    ChannelOpen,
    ConfirmSelect,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionOpen,
    ConnectionOpenOk,
    ConnectionStart,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
    ExchangeBind,
    ExchangeDeclare,
    QueueBind,
    QueueDeclare,
    QueueDeclareOk,
)
from coolamqp.framing.field_table import Arguments
from coolamqp.framing.frames import (
    PROTOCOL_HEADER,
    AMQPBodyFrame,
    AMQPHeaderFrame,
    AMQPMethodFrame,
    encode_frame,
)
from coolamqp.framing.method import Method
from coolamqp.framing.properties import BasicContentPropertyList, PropertyKeywords
from tests.behaviour.wire import (
    TIMEOUT,
    BrokerSilent,
    Contents,
    Disconnected,
    Message,
    MethodT,
    Refused,
    Wire,
    text,
)

CAPABILITIES = {
    'authentication_failure_close': True,
    'basic.nack': True,
    'connection.blocked': True,
    'consumer_cancel_notify': True,
    'exchange_exchange_bindings': True,
    'publisher_confirms': True,
}
FRAME_MAX = 131072  # what RabbitMQ proposes
BASIC_CLASS = 60
POLL_INTERVAL = 0.01  # seconds; for changes without an event


def open_wire(url: str) -> Wire:
    """Return a connected wire to the broker of an amqp:// address, before the protocol header."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return Wire(parts.hostname, parts.port)


def plain_response(url: str) -> bytes:
    """Return the SASL response of the mechanism PLAIN for the user of an address."""
    parts = urlsplit(url)
    return f'\0{unquote(parts.username or "")}\0{unquote(parts.password or "")}'.encode()


def vhost_of(url: str) -> str:
    """Return the virtual host of an address."""
    return unquote(urlsplit(url).path[1:]) or '/'


class RawConnection:
    """An open connection to a broker.

    :param url: its address, with user, password and virtual host
    :param capabilities: the capabilities of the client, by name
    :param heartbeat: seconds between heartbeats, as agreed with the broker; 0 for none
    :param channel_max: the largest number of a channel; by default that of the broker
    :param frame_max: the longest frame, in bytes; by default that of the broker
    :param mechanism: the SASL mechanism
    :param response: the SASL response; by default that of PLAIN
    :param virtual_host: the virtual host; by default that of the address
    :raises Refused: the broker closed the connection during the handshake
    :raises Disconnected: the broker closed the socket during the handshake
    :ivar start: the broker's connection.start
    :ivar tune: the broker's connection.tune
    """

    def __init__(
        self,
        url: str,
        *,
        capabilities: Mapping[str, bool] = CAPABILITIES,
        heartbeat: int = 0,
        channel_max: int | None = None,
        frame_max: int | None = None,
        mechanism: str = 'PLAIN',
        response: bytes | None = None,
        virtual_host: str | None = None,
    ) -> None:
        self.url = url
        self.wire = open_wire(url)
        self.frame_max = FRAME_MAX
        self.closed: Refused | Disconnected | None = None
        self._channels: dict[int, RawChannel] = {}
        self._control: deque[Method] = deque()
        self._publisher: RawChannel | None = None
        try:
            self.wire.send(PROTOCOL_HEADER)
            self.start = self._shake(ConnectionStart)
            properties = {'product': 'behaviour', 'capabilities': dict(capabilities)}
            answer = plain_response(url) if response is None else response
            self.send(0, ConnectionStartOk(properties, mechanism, answer, 'en_US'))
            self.tune = self._shake(ConnectionTune)
            self.frame_max = self.tune.frame_max if frame_max is None else frame_max
            channel_max = self.tune.channel_max if channel_max is None else channel_max
            self.send(0, ConnectionTuneOk(channel_max, self.frame_max, heartbeat))
            self.send(0, ConnectionOpen(vhost_of(url) if virtual_host is None else virtual_host))
            self._shake(ConnectionOpenOk)
        except BaseException:
            self.wire.close()
            raise
        self.wire.heartbeat = heartbeat

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def channel(self, number: int = 0) -> RawChannel:
        """Open a channel and return it.

        :param number: its number; by default the lowest that is free
        """
        number = number or next(n for n in range(1, 65536) if n not in self._channels)
        channel = RawChannel(self, number)
        self._channels[number] = channel
        channel.call(ChannelOpen())
        return channel

    @property
    def publisher(self) -> RawChannel:
        """A separate channel with confirms, on which a test publishes its preparatory messages."""
        if self._publisher is None:
            self._publisher = self.channel().confirm()
        return self._publisher

    def forget(self, number: int) -> None:
        """Free the number of a closed channel."""
        self._channels.pop(number, None)

    def send(self, channel: int, method: Method) -> None:
        """Send a method."""
        self.wire.send_method(channel, method)

    def send_frame(self, kind: int, channel: int, payload: bytes) -> None:
        """Send a frame with any content, also an invalid one."""
        self.wire.send(encode_frame(kind, channel, payload))

    def call(self, method: Method) -> Any:
        """Send a method on channel 0 and return its answer."""
        self.send(0, method)
        return self.expect_named(method.ANSWERS)

    def expect(self, kind: type[MethodT]) -> MethodT:
        """Return the next method on channel 0, which must be of a kind."""
        method = self._next_control()
        assert isinstance(method, kind), f'{method} came, not {kind.__name__}'
        return method

    def expect_named(self, names: tuple[str, ...]) -> Method:
        """Return the next method on channel 0, which must have one of these names."""
        method = self._next_control()
        assert method.NAME in names, f'{method} came, not {names}'
        return method

    def expect_nothing(self) -> None:
        """Check that channel 0 has received nothing, after a round trip on another channel."""
        self.channel().close()
        assert not self._control, list(self._control)

    def expect_close(self) -> tuple[int, str]:
        """Return code and text with which the broker closes the connection."""
        with suppress(Refused):
            while self.closed is None:
                self._read(TIMEOUT)
        assert isinstance(self.closed, Refused), self.closed
        assert self.closed.channel == 0
        return self.closed.code, self.closed.text

    @property
    def blamed(self) -> tuple[int, int]:
        """The class and method ids in the close of the connection."""
        assert isinstance(self.closed, Refused), self.closed
        return self.closed.index

    def expect_cut(self) -> None:
        """Check that the broker closes the socket without sending anything before."""
        self.wire.expect_end()
        self.closed = Disconnected('the broker cut the connection')

    def refused(self, method: Method, channel: int = 0) -> tuple[int, str]:
        """Send a method; return code and text with which the broker closes the connection."""
        self.send(channel, method)
        return self.expect_close()

    def close(self) -> None:
        """Close the connection, with a handshake if it is still open."""
        try:
            if self.closed is None:
                self.send(0, ConnectionClose(200, 'bye', 0, 0))
                self._control.clear()
                while not self._control or not isinstance(self._control.pop(), ConnectionCloseOk):
                    self._read(TIMEOUT)
                self.closed = Disconnected('the test closed the connection')
        except Refused:
            pass  # both closed at once
        finally:
            self.wire.close()

    def abort(self) -> None:
        """Close the socket without connection.close."""
        self.closed = Disconnected('the test cut the connection')
        self.wire.close()

    def read(self, timeout: float = TIMEOUT) -> None:
        """Read one frame, and pass it to its channel.

        :raises Refused, Disconnected: the connection is closed
        """
        if self.closed is not None:
            raise self.closed
        self._read(timeout)

    def _next_control(self) -> Method:
        while not self._control:
            self.read()
        return self._control.popleft()

    def _shake(self, kind: type[MethodT]) -> MethodT:
        method = self._next_control()
        assert isinstance(method, kind), f'{method} came, not {kind.__name__}'
        return method

    def _read(self, timeout: float) -> None:
        try:
            frame = self.wire.next_frame(timeout)
        except Disconnected as end:
            self.closed = end
            raise
        channel: int = getattr(frame, 'channel', 0)
        if channel:
            self._channels[channel].add(frame)
            return
        assert isinstance(frame, AMQPMethodFrame), frame
        method = frame.payload
        if isinstance(method, ConnectionClose):
            self.send(0, ConnectionCloseOk())
            self.closed = refusal(0, method)
            raise self.closed
        self._control.append(method)


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
        """Send a method and return its answer. Methods before the answer stay in the inbox.

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
        """Send a method; return the code and text with which the broker refuses it.

        Check that the close has the class and method ids of this method.
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
        """Publish; return the code and text with which the broker refuses the message."""
        self.publish(body, exchange, routing_key, immediate=immediate, **properties)
        return self.expect_close(BasicPublish.INDEX)

    def expect_close(self, index: tuple[int, int] | None = None) -> tuple[int, str]:
        """Return code and text with which the broker closes this channel or the connection.

        :param index: the class and method ids that the close must have
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
        """Check that the inbox is empty, after a round trip.

        :param queues: queues to declare passively first, so that their deliveries have come
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
        """Negatively acknowledge a delivery, or all up to it."""
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

        A queue counts them for certain only after the confirms: a queue of RabbitMQ may answer a
        passive declaration before it has processed all messages.
        """
        publisher = self.connection.publisher
        for body in bodies:
            publisher.publish(body, exchange, routing_key, **properties)
        publisher.await_acks()

    def await_acks(self) -> None:
        """Wait until the broker has confirmed all messages published here since `confirm`."""
        refused = self.await_confirms()
        assert not refused, f'the broker refused the messages {refused}'

    def await_confirms(self) -> set[int]:
        """Wait until the broker has confirmed or refused all messages since `confirm`.

        :returns: the delivery tags of the refused messages
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


def refusal(channel: int, method: ChannelClose | ConnectionClose) -> Refused:
    """Return a close by the broker as an exception."""
    index = (method.class_id, method.method_id)
    return Refused(channel, method.reply_code, text(method.reply_text), index)


def eventually(look: Callable[[], Any], what: str) -> Any:
    """Poll a function until its result is true, for changes without an event; return the result."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise BrokerSilent(f'not in time: {what}')
        time.sleep(POLL_INTERVAL)


@contextmanager
def closing(*connections: RawConnection) -> Iterator[None]:
    """Close connections at the end of a block."""
    try:
        yield
    finally:
        for connection in connections:
            connection.close()
