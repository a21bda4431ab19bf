"""A broker in memory, under the hand of a test: no socket, no thread, and time that is told.

`ScriptedBroker` is the other end of one connection; it is as strict as RabbitMQ about what may be
said on a channel and when. `Rig` is the driver of an engine: it makes the transports that the
engine wishes for, and carries out its effects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.consumer import Consumer
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.effects import Hook, LogRecord
from coolamqp.attaches.getter import Fetch
from coolamqp.attaches.publication import Publication
from coolamqp.attaches.receiver import Receiver
from coolamqp.attaches.requester import Request
from coolamqp.attaches.transactor import Commit
from coolamqp.framing.collector import FrameCollector
from coolamqp.framing.definitions import (
    METHODS,
    BasicCancel,
    BasicCancelOk,
    BasicConsume,
    BasicConsumeOk,
    BasicDeliver,
    BasicPublish,
    BasicReturn,
    ChannelClose,
    ChannelCloseOk,
    ChannelOpen,
    ConfirmSelect,
    ConnectionOpenOk,
    ConnectionStart,
    ConnectionTune,
    QueueDeclare,
    QueueDeclareOk,
)
from coolamqp.framing.frames import (
    AMQPBodyFrame,
    AMQPFrame,
    AMQPHeaderFrame,
    AMQPMethodFrame,
    encode_method,
)
from coolamqp.framing.method import Method
from coolamqp.framing.properties import EMPTY_PROPERTIES, BasicContentPropertyList
from coolamqp.objects import Message, NodeDefinition, Queue
from coolamqp.objects.message import Settlement
from coolamqp.supervisor.engine import Engine
from coolamqp.supervisor.states import EngineState
from coolamqp.tracing import BaseFrameTracer
from coolamqp.uplink.connection import Connection

_BY_NAME = {method.NAME: method for method in METHODS.values()}
_MethodT = TypeVar('_MethodT', bound=Method)
_NoticeT = TypeVar('_NoticeT')

SERVER_PROPERTIES = {'product': 'Scripted', 'version': '1.0', 'capabilities': {'basic.nack': True}}
NODE = NodeDefinition('broker', 'guest', 'secret')


class Clock:
    """The time, in seconds, as the test wants it."""

    def __init__(self) -> None:
        self.now = 1000.0


@dataclass
class Published:
    """A message as the broker saw it; `tag` is its number on a confirming channel, 0 on others."""

    channel: int
    tag: int
    exchange: bytes
    routing_key: bytes
    body: bytes = b''
    properties: BasicContentPropertyList = EMPTY_PROPERTIES
    mandatory: bool = False


class ScriptedBroker:
    """The other end of one connection.

    :ivar unanswered: names of methods that `serve` leaves without an answer
    :ivar refuses: gives the reply code with which to refuse a method, 0 to take it
    :ivar log: every method that came, with its channel
    :ivar published: every message that came
    :ivar unconfirmed: by channel and tag, what came since its confirm.select; for tests to settle
    """

    def __init__(
        self,
        connection: Connection,
        clock: Clock,
        receive: Callable[[bytes, float], None] | None = None,
        flush: Callable[[], None] = lambda: None,
    ) -> None:
        self.connection = connection
        self.clock = clock
        self.unanswered: set[str] = set()
        self.refuses: Callable[[Method], int] = refuse_nothing
        self.log: list[tuple[int, Method]] = []
        self.published: list[Published] = []
        self.unconfirmed: dict[int, dict[int, Published]] = {}
        self.consumers: dict[int, bytes] = {}
        self.open_channels: set[int] = set()
        self.closing: set[int] = set()
        self._receive = receive or connection.receive
        self._flush = flush
        self._collector = FrameCollector()
        self._tags: dict[int, int] = {}
        self._publishing: dict[int, Published] = {}
        self._queues = 0

    # To the client

    def feed(self, data: bytes) -> None:
        """Have the client receive bytes."""
        self._receive(data, self.clock.now)

    def send(self, channel: int, *methods: Method) -> None:
        """Have the client receive methods, in one chunk."""
        self.feed(b''.join(encode_method(channel, method) for method in methods))

    def deliver(self, channel: int, tag: int, body: bytes = b'body', frame: int = 4096) -> None:
        """Have the client receive a message."""
        method = BasicDeliver(self.consumers.get(channel, b'tag'), tag, False, b'ex', b'key')
        self.feed(encode_method(channel, method) + content(channel, body, frame))

    def send_content(
        self,
        channel: int,
        method: Method,
        body: bytes,
        properties: BasicContentPropertyList = EMPTY_PROPERTIES,
    ) -> None:
        """Have the client receive a content, whatever announces it."""
        frames = content(channel, body, properties=properties)
        self.feed(encode_method(channel, method) + frames)

    def give_back(self, published: Published) -> None:
        """Return a message as one that no queue takes."""
        method = BasicReturn(312, b'NO_ROUTE', published.exchange, published.routing_key)
        self.send_content(published.channel, method, published.body, published.properties)

    def close_channel(
        self, channel: int, reply_code: int = 404, refused: type[Method] | None = None
    ) -> None:
        """End a channel for an error, perhaps that of a method."""
        self.closing.add(channel)
        class_id, method_id = (0, 0) if refused is None else refused.INDEX
        text = f'error {reply_code}'
        self.send(channel, ChannelClose(reply_code, text, class_id, method_id))

    # From the client

    def hear(self) -> list[AMQPFrame]:
        """Take everything that the client wants to send."""
        frames: list[AMQPFrame] = []
        self._flush()
        while piece := self.connection.out.peek():
            frames += self._collector.feed(bytes(piece))
            self.connection.sent(piece, self.clock.now)
            self._flush()
        return frames

    def methods(self) -> list[Method]:
        """Take what the client wants to send, and give the methods in it."""
        return [frame.payload for frame in self.hear() if isinstance(frame, AMQPMethodFrame)]

    def expect(self, expected: type[_MethodT]) -> _MethodT:
        """Take what the client wants to send: one method, of this class."""
        (method,) = self.methods()
        assert isinstance(method, expected), method
        return method

    # Dialogues

    def shake_hands(self, tune: ConnectionTune | None = None) -> list[Method]:
        """Go through the handshake; give what the client has said."""
        said = self.methods()
        self.send(0, start())
        said += self.methods()
        self.send(0, tune or ConnectionTune(2047, 131072, 60))
        said += self.methods()
        self.send(0, ConnectionOpenOk())
        return said

    def serve(self) -> list[Method]:
        """Answer the client as a broker would, until it falls silent; give what it said."""
        served: list[Method] = []
        while frames := self.hear():
            for frame in frames:
                if isinstance(frame, AMQPMethodFrame):
                    served.append(frame.payload)
                    self.log.append((frame.channel, frame.payload))
                    self._serve_method(frame.channel, frame.payload)
                elif isinstance(frame, AMQPHeaderFrame):
                    self._on_header(frame)
                elif isinstance(frame, AMQPBodyFrame):
                    self._on_body(frame)
        return served

    def _serve_method(self, channel: int, method: Method) -> None:
        if channel in self.closing:
            self._serve_closing(channel, method)
            return
        if channel:
            self._check_channel(channel, method)
        code = self.refuses(method)
        if code:
            self.close_channel(channel, code)
        elif isinstance(method, BasicPublish):
            self._begin_published(channel, method)
        elif method.ANSWERS and method.NAME not in self.unanswered:
            self._answer(channel, method)

    def _check_channel(self, channel: int, method: Method) -> None:
        is_open = channel in self.open_channels
        assert is_open != isinstance(method, ChannelOpen), (
            f'{method.NAME} on channel {channel}, which is {"" if is_open else "not "}open'
        )
        if isinstance(method, ChannelOpen):
            self.open_channels.add(channel)
            self._tags.pop(channel, None)
        elif isinstance(method, ChannelClose) and method.NAME not in self.unanswered:
            self._forget(channel)
        elif isinstance(method, ConfirmSelect):
            self._tags[channel] = 0
            self.unconfirmed[channel] = {}

    def _serve_closing(self, channel: int, method: Method) -> None:
        """Ignore everything but the two that end a channel that is being closed."""
        if isinstance(method, ChannelClose):
            self.send(channel, ChannelCloseOk())
        elif isinstance(method, ChannelCloseOk):
            self.closing.remove(channel)
            self._forget(channel)

    def _forget(self, channel: int) -> None:
        self.open_channels.discard(channel)
        self.consumers.pop(channel, None)
        self._tags.pop(channel, None)
        self.unconfirmed.pop(channel, None)
        self._publishing.pop(channel, None)

    def _answer(self, channel: int, method: Method) -> None:
        answer: Method
        if isinstance(method, QueueDeclare):
            self._queues += 1
            name = bytes(method.queue) if isinstance(method.queue, bytes) else b''
            answer = QueueDeclareOk(name or b'amq.gen-%d' % self._queues, 0, 0)
        elif isinstance(method, BasicConsume):
            self.consumers[channel] = bytes(method.consumer_tag)  # type: ignore[arg-type]
            answer = BasicConsumeOk(method.consumer_tag)
        elif isinstance(method, BasicCancel):
            answer = BasicCancelOk(method.consumer_tag)
        else:
            answer = _BY_NAME[method.ANSWERS[0]]()
        self.send(channel, answer)

    def _begin_published(self, channel: int, method: BasicPublish) -> None:
        tag = 0
        if channel in self._tags:
            tag = self._tags[channel] = self._tags[channel] + 1
        exchange, key = bytes(method.exchange), bytes(method.routing_key)  # type: ignore[arg-type]
        published = Published(channel, tag, exchange, key, mandatory=method.mandatory)
        self._publishing[channel] = published

    def _on_header(self, frame: AMQPHeaderFrame) -> None:
        published = self._publishing.get(frame.channel)
        if published is None:
            return
        published.properties = frame.properties
        if not frame.body_size:
            self._complete(self._publishing.pop(frame.channel))

    def _on_body(self, frame: AMQPBodyFrame) -> None:
        """Take a body; the messages of these tests fit into one frame."""
        published = self._publishing.pop(frame.channel, None)
        if published is not None:
            published.body = frame.data
            self._complete(published)

    def _complete(self, published: Published) -> None:
        self.published.append(published)
        if published.tag:
            self.unconfirmed[published.channel][published.tag] = published

    def said(self, wanted: type[_MethodT]) -> list[_MethodT]:
        """Give all methods of a class that came."""
        return [method for _, method in self.log if isinstance(method, wanted)]

    def channel_of(self, wanted: type[Method]) -> int:
        """Give the channel on which a method came last."""
        return [channel for channel, method in self.log if isinstance(method, wanted)][-1]


def refuse_nothing(_method: Method) -> int:
    """Take every method."""
    return 0


def start(mechanisms: str = 'AMQPLAIN PLAIN') -> ConnectionStart:
    """Give a broker's introduction."""
    return ConnectionStart(0, 9, SERVER_PROPERTIES, mechanisms, 'en_US')


def content(
    channel: int,
    body: bytes,
    frame: int = 4096,
    properties: BasicContentPropertyList = EMPTY_PROPERTIES,
) -> bytes:
    """Encode the header and the body frames of a content."""
    frames: list[AMQPFrame] = [AMQPHeaderFrame(channel, 60, 0, len(body), properties)]
    frames += [AMQPBodyFrame(channel, body[at : at + frame]) for at in range(0, len(body), frame)]
    return b''.join(each.encode() for each in frames)


class Ending:
    """A promise that notes how it ended, and does not take a second end."""

    def __init__(self) -> None:
        self.ends: list[Any] = []

    def result(self, timeout: float | None = None) -> Any:
        """Give the end."""
        assert self.ends, 'this has not ended'
        if isinstance(self.ends[0], BaseException):
            raise self.ends[0]
        return self.ends[0]

    def done(self) -> bool:
        """Whether it has ended."""
        return bool(self.ends)

    @property
    def error(self) -> BaseException:
        """The error with which it has ended."""
        assert self.ends
        assert isinstance(self.ends[0], BaseException), 'this has ended well'
        return self.ends[0]

    def set_result(self, result: Any) -> None:
        """End well."""
        assert not self.ends, f'ended twice: {self.ends}'
        self.ends.append(result)

    def set_exception(self, exception: BaseException | None) -> None:
        """End with an error."""
        assert not self.ends, f'ended twice: {self.ends}'
        self.ends.append(exception)


class Rig:
    """The driver of an engine, in the hands of a test.

    :ivar notices: what the engine has told
    :ivar posts: messages and calls for consumers; the calls have been made
    """

    def __init__(
        self,
        nodes: list[NodeDefinition] | None = None,
        random: Callable[[], float] = lambda: 0.5,
        tracer: BaseFrameTracer | None = None,
    ) -> None:
        self.clock = Clock()
        self.engine = Engine(nodes or [NODE], {}, self, tracer, random, self.clock.now)
        self.notices: list[object] = []
        self.posts: list[tuple[Receiver, Any]] = []

    # What programs ask for; this is the Face of the consumers as well.

    def add_consumer(self, consumer: Consumer) -> Ending:
        """Take up a consumer."""
        promise = Ending()
        self.engine.consume(consumer, promise)
        return promise

    def deliver(self, consumer: Receiver, message: Delivery) -> None:
        """Note a message that `on_delivery` has put together."""
        self.posts.append((consumer, message))

    def publish_reply(self, answer: Message, routing_key: bytes) -> Ending:
        """Publish the answer to a request."""
        publication = Publication(answer, b'', routing_key)
        publication.promise = promise = Ending()
        self.engine.publish(publication)
        return promise

    def cancel_consumer(self, consumer: Consumer) -> Ending:
        """Stop a consumer."""
        promise = Ending()
        consumer.begin_cancel(promise)
        self.carry_out()
        return promise

    def change_qos(self, consumer: Consumer, prefetch_count: int) -> None:
        """Change the prefetch of a consumer."""
        consumer.change_qos(prefetch_count)

    def settle(self, ledger: AckLedger, delivery_tag: int, how: Settlement, multiple: bool) -> None:
        """Settle a delivery."""
        if ledger.settle(delivery_tag, how, multiple):
            ledger.announce()

    def publish(self, body: bytes, exchange: bytes = b'', *, mandatory: bool = False) -> Ending:
        """Publish with a confirm."""
        publication = Publication(Message(body), exchange, b'key', mandatory)
        promise = Ending()
        publication.promise = promise
        self.engine.publish(publication)
        return promise

    def fetch(self, queue: bytes = b'q', *, no_ack: bool = False) -> Ending:
        """Fetch a message."""
        promise = Ending()
        self.engine.fetch(queue, Fetch(no_ack, promise))
        return promise

    def request(
        self,
        body: bytes = b'?',
        timeout: float | None = None,
        properties: BasicContentPropertyList | None = None,
    ) -> Ending:
        """Send a request."""
        promise = Ending()
        self.engine.request(Request(Message(body, properties), b'server', timeout, promise))
        return promise

    def commit(self, *publications: Publication) -> Ending:
        """Commit a transaction."""
        promise = Ending()
        self.engine.commit(Commit(list(publications), promise))
        return promise

    def consume(self, queue: Queue | None = None, **arguments: Any) -> Consumer:
        """Consume; the consumer's future is an `Ending`."""
        consumer = Consumer(queue or Queue('jobs'), None, future_to_notify=Ending(), **arguments)
        self.engine.consume(consumer)
        return consumer

    # What the driver does

    def connect(self) -> ScriptedBroker:
        """Make the transport that the engine wishes for."""
        assert self.engine.link is not None
        self.engine.transport_up(self.engine.link, self.clock.now)
        connection = self.engine.connection
        assert connection is not None
        return ScriptedBroker(connection, self.clock, self._receive, self.engine.flush)

    def state(self) -> EngineState:
        """Give the state of the engine, which changes behind the type checker's back."""
        return self.engine.state

    def up(self, tune: ConnectionTune | None = None) -> ScriptedBroker:
        """Start, if that is still to be done, and connect with all that belongs to it."""
        if self.state() is EngineState.IDLE:
            self.engine.start(self.clock.now)
        broker = self.connect()
        broker.shake_hands(tune)
        broker.serve()
        self.carry_out()
        return broker

    def lose(self, cause: Exception | None = None) -> None:
        """Lose the transport, or the hope for one."""
        assert self.engine.link is not None
        cause = cause or ConnectionResetError('cut')
        self.engine.transport_failed(self.engine.link, cause, self.clock.now)
        self.carry_out()

    def reconnect(self) -> ScriptedBroker:
        """Lose the transport, wait as long as the engine wants to, and connect again."""
        self.lose()
        self.advance(1.0)
        return self.up()

    def advance(self, seconds: float) -> None:
        """Let time pass, waking the engine just when it asks for it."""
        end = self.clock.now + seconds
        while self.engine.wake_at() <= end:
            self.clock.now = max(self.clock.now, self.engine.wake_at())
            self.engine.tick(self.clock.now)
        self.clock.now = end
        self.engine.tick(end)
        self.carry_out()

    def carry_out(self) -> None:
        """Carry out what the engine has decided."""
        effects = self.engine.take_effects()
        for promise in effects.confirmed:
            promise.set_result(None)
        for completion in effects.completions:
            if completion.error is None:
                completion.promise.set_result(completion.value)
            else:
                completion.promise.set_exception(completion.error)
        for consumer, post in effects.posts:
            self.posts.append((consumer, post))
            if isinstance(post, Hook):
                post.function(*post.arguments)
        self.notices += effects.notices

    def remarks(self) -> str:
        """Give what is to be logged, a line each."""
        return '\n'.join(record.text for record in self.noticed(LogRecord))

    def noticed(self, wanted: type[_NoticeT]) -> list[_NoticeT]:
        """Give all notices of a class."""
        return [notice for notice in self.notices if isinstance(notice, wanted)]

    def messages(self) -> list[Any]:
        """Give the messages that have come."""
        return [post for _, post in self.posts if not isinstance(post, Hook)]

    def _receive(self, data: bytes, now: float) -> None:
        self.engine.receive(data, now)
        self.carry_out()
