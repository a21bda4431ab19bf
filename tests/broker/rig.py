"""The core of a broker without a socket, with a manual clock, and clients that speak to it.

The transports of this module do what those of the server do: they read while the core wants to
read, take what the core has to send, and close when a connection is over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from math import inf
from typing import Any, Unpack

from coolamqp.broker.base_queue import BaseQueue
from coolamqp.broker.connection import BrokerConnection
from coolamqp.broker.core import BrokerCore
from coolamqp.broker.delivery import Entry
from coolamqp.broker.queue import Queue
from coolamqp.broker.state import BrokerState, Limits
from coolamqp.broker.storage import Storage
from coolamqp.broker.users import Permissions
from coolamqp.broker.vhost import VirtualHost
from coolamqp.framing.collector import FrameCollector
from coolamqp.framing.definitions import (
    BasicAck,
    BasicCancel,
    BasicConsume,
    BasicDeliver,
    BasicGet,
    BasicGetOk,
    BasicPublish,
    ChannelClose,
    ChannelCloseOk,
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
    ExchangeDeclare,
    QueueBind,
    QueueDeclare,
)
from coolamqp.framing.frames import (
    FRAME_OVERHEAD,
    PROTOCOL_HEADER,
    AMQPBodyFrame,
    AMQPHeaderFrame,
    AMQPHeartbeatFrame,
    encode_method,
)
from coolamqp.framing.method import Method
from coolamqp.framing.properties import BasicContentPropertyList, PropertyKeywords
from coolamqp.timers import Timers
from tests.behaviour.channel import BASIC_CLASS
from tests.behaviour.client import CAPABILITIES
from tests.behaviour.wire import Contents, Message, MethodT, Refused, refusal

USER = 'guest'
PASSWORD = 'guest'
VHOST = '/'
BEGINNING = 1000.0  # of the clock
WALL_OFFSET = 1_700_000_000.0  # seconds between the clock and the time since 1970


class Rig:
    """A broker and its clients.

    :ivar now: the time; `advance` changes it
    """

    def __init__(self, limits: Limits | None = None, store: Storage | None = None) -> None:
        self.now = BEGINNING
        self.state = BrokerState(
            {'product': 'rig'},
            Limits(heartbeat=0) if limits is None else limits,
            Timers(self.now),
            Storage() if store is None else store,
            lambda: self.now + WALL_OFFSET,
        )
        self.core = BrokerCore(self.state)
        self.clients: dict[int, Client] = {}
        self.state.users.add(USER, PASSWORD)
        self.add_vhost(VHOST)

    def add_vhost(self, name: str) -> VirtualHost:
        """Add a virtual host for `USER`."""
        vhost = self.state.add_vhost(name)
        self.state.permit(USER, name, Permissions())
        return vhost

    @property
    def vhost(self) -> VirtualHost:
        """The virtual host `VHOST`."""
        return self.state.vhosts[VHOST]

    def queue(self, name: str) -> BaseQueue:
        """Return a queue of the virtual host `VHOST`."""
        return self.vhost.queues[name.encode()]

    def ready(self, name: str) -> list[bytes]:
        """Return the bodies of the ready messages of a queue."""
        return [message.body for message in self.queue(name).messages()]

    def entries(self, name: str) -> list[Entry]:
        """Return the ready messages of a queue with what the queue knows of them."""
        queue = self.queue(name)
        assert isinstance(queue, Queue)
        return list(queue.ready)

    def unacked(self, name: str) -> int:
        """Return the number of unacknowledged messages of a queue."""
        queue = self.queue(name)
        assert isinstance(queue, Queue)
        return len(queue.unacked)

    def accept(self, certified: str | None = None) -> Client:
        """Return a client whose transport is up, and that has sent nothing."""
        connection = self.core.accept('rig', certified, self.now)
        client = Client(self, connection)
        self.clients[connection.number] = client
        self.run()
        return client

    def connect(self, vhost: str = VHOST, **options: Any) -> Client:
        """Return a client that is connected, with channel 1 open; see `Client.shake_hands`."""
        client = self.accept()
        client.shake_hands(vhost=vhost, **options)
        client.open_channel(1)
        return client

    def advance(self, seconds: float) -> None:
        """Let time pass, and wake the core at each time that it asks for."""
        end = self.now + seconds
        while (wake_at := self.core.wake_at()) <= end:
            self.now = max(self.now, wake_at)
            self.core.tick(self.now)
            self.run()
        self.now = end
        self.core.tick(end)
        self.run()

    def run(self) -> None:
        """Carry all bytes to where they go."""
        while True:
            outgoing = self.core.take_outgoing()
            if not outgoing:
                return
            for connection in outgoing:
                self.clients[connection.number].flush()


class Client:
    """A client with its transport.

    :ivar reads: whether the client reads what comes
        :ivar received: methods and messages that came, each with its channel
    """

    def __init__(self, rig: Rig, connection: BrokerConnection) -> None:
        self.rig = rig
        self.connection = connection
        self.reads = True
        self._closed = False
        self.received: deque[tuple[int, Method | Message[Any]]] = deque()
        self.frame_max = 131072
        self.raw = b''
        self._collector: FrameCollector | None = FrameCollector()
        self._contents: dict[int, Contents] = {}
        self._unread: list[bytes] = []  # sent, and not read by the broker
        self._reading = True  # what the transport does, which follows the core in `flush`

    def closed(self) -> bool:
        """Whether the transport is closed."""
        return self._closed

    # Bytes

    def feed(self, data: bytes) -> None:
        """Send bytes to the broker, which reads them now or later."""
        self._unread.append(data)
        self._read()

    def send(self, *methods: Method, channel: int = 1) -> None:
        """Send methods."""
        self.feed(b''.join(encode_method(channel, method) for method in methods))

    def flush(self) -> None:
        """Take what the broker has to send, if the client reads; close when it is over."""
        connection, core = self.connection, self.rig.core
        while self.reads and (pieces := connection.pieces()):
            data = b''.join(pieces)
            core.sent(connection, len(data), self.rig.now)
            self._receive(data)
        reading = connection.wants_read
        if reading != self._reading:
            self._reading = reading
            connection.set_reading(reading, self.rig.now)
        if (connection.is_cut or connection.is_over()) and not self._closed:
            self.lose()
        self._read()

    def read_again(self) -> None:
        """Read everything, and go on to read."""
        self.reads = True
        self.flush()
        self.rig.run()

    def ignore_all(self) -> None:
        """Look at nothing that comes from now on, which saves time."""
        self._collector = None

    def lose(self, cause: str = 'lost') -> None:
        """Lose the transport."""
        if not self._closed:
            self._closed = True
            self.rig.core.lost(self.connection, cause, self.rig.now)
            self.rig.run()

    def _read(self) -> None:
        """Pass bytes to the broker, while the transport reads."""
        if self._unread and self._reading and not self._closed:
            data, self._unread = b''.join(self._unread), []
            self.rig.core.receive(self.connection, data, self.rig.now)
            self.rig.run()

    def _receive(self, data: bytes) -> None:
        self.raw = (self.raw + data)[-len(PROTOCOL_HEADER) :]
        if self._collector is None or self.raw == data == PROTOCOL_HEADER:
            return
        for frame in self._collector.feed(data):
            if isinstance(frame, AMQPHeartbeatFrame):
                continue
            number: int = getattr(frame, 'channel', 0)
            item = self._contents.setdefault(number, Contents()).add(frame)
            if item is not None:
                self.received.append((number, item))

    # Connection and channels

    def shake_hands(
        self,
        *,
        vhost: str = VHOST,
        user: str = USER,
        password: str = PASSWORD,
        heartbeat: int = 0,
        frame_max: int = 0,
        capabilities: Mapping[str, bool] = CAPABILITIES,
    ) -> None:
        """Open the connection."""
        self.feed(PROTOCOL_HEADER)
        self.expect(ConnectionStart, 0)
        properties = {'product': 'rig', 'capabilities': dict(capabilities)}
        login = f'\0{user}\0{password}'
        self.send(ConnectionStartOk(properties, 'PLAIN', login, 'en_US'), channel=0)
        tune = self.expect(ConnectionTune, 0)
        self.frame_max = frame_max or tune.frame_max
        self.send(ConnectionTuneOk(tune.channel_max, self.frame_max, heartbeat), channel=0)
        self.send(ConnectionOpen(vhost), channel=0)
        self.expect(ConnectionOpenOk, 0)

    def open_channel(self, number: int) -> None:
        """Open a channel."""
        self.call(ChannelOpen(), channel=number)

    def close(self) -> None:
        """Close the connection."""
        self.send(ConnectionClose(200, 'bye', 0, 0), channel=0)
        assert isinstance(self.received.pop()[1], ConnectionCloseOk)
        self.lose()

    # Calls

    def call(self, method: Method, channel: int = 1) -> Any:
        """Send a method and return its answer; what comes before it stays in `received`.

        :raises Refused: the broker closes the channel or the connection
        """
        self.send(method, channel=channel)
        for index, (number, item) in enumerate(self.received):
            name = item.method.NAME if isinstance(item, Message) else item.NAME
            if number == channel and name in method.ANSWERS:
                del self.received[index]
                return item
        raise self._refused() or AssertionError(f'no answer to {method}: {self.received}')

    def refused(self, method: Method, channel: int = 1) -> tuple[int, str]:
        """Send a method that the broker refuses; return code and text."""
        self.send(method, channel=channel)
        return self.expect_close()

    def expect_close(self) -> tuple[int, str]:
        """Return code and text with which the broker closes a channel or the connection."""
        refused = self._refused()
        assert refused is not None, self.received
        return refused.code, refused.text

    def _refused(self) -> Refused | None:
        """Answer the close of the broker, and return it; None if there is none."""
        for index, (number, item) in enumerate(self.received):
            if isinstance(item, (ChannelClose, ConnectionClose)):
                del self.received[index]
                answer = ChannelCloseOk() if number else ConnectionCloseOk()
                self.send(answer, channel=number)
                return refusal(number, item)
        return None

    def expect(self, kind: type[MethodT], channel: int = 1) -> MethodT:
        """Return the next method, which must be of a kind."""
        number, item = self.received.popleft()
        assert number == channel, (number, item)
        assert isinstance(item, kind), item
        return item

    def take(self) -> list[Method | Message[Any]]:
        """Return everything that came."""
        items = [item for _, item in self.received]
        self.received.clear()
        return items

    # Messages

    def content(
        self, body: bytes, channel: int = 1, **properties: Unpack[PropertyKeywords]
    ) -> bytes:
        """Return the header and the body frames of a content."""
        listed = BasicContentPropertyList(**properties)
        largest = self.frame_max - FRAME_OVERHEAD
        frames = [AMQPHeaderFrame(channel, BASIC_CLASS, 0, len(body), listed).encode()]
        frames += [
            AMQPBodyFrame(channel, body[start : start + largest]).encode()
            for start in range(0, len(body), largest)
        ]
        return b''.join(frames)

    def publish(
        self,
        body: bytes,
        key: str = '',
        exchange: str = '',
        *,
        channel: int = 1,
        mandatory: bool = False,
        **properties: Unpack[PropertyKeywords],
    ) -> None:
        """Publish a message, by default to the queue that `key` names."""
        method = encode_method(channel, BasicPublish(exchange, key, mandatory, False))
        self.feed(method + self.content(body, channel, **properties))

    def confirm(self, channel: int = 1) -> None:
        """Switch a channel to confirms."""
        self.call(ConfirmSelect(), channel)

    def declare(self, name: str, arguments: Any = None, **flags: bool) -> str:
        """Declare a queue, by default durable; return its name."""
        flags = {'durable': True, **flags}
        answer = self.call(QueueDeclare(name, arguments=arguments, **flags))
        return bytes(answer.queue).decode()

    def exchange(
        self, name: str, type_: str = 'fanout', arguments: Any = None, **flags: bool
    ) -> None:
        """Declare an exchange."""
        options: dict[str, Any] = flags
        self.call(ExchangeDeclare(name, type_, arguments=arguments, **options))

    def bind(self, queue: str, exchange: str, key: str = '', arguments: Any = None) -> None:
        """Bind a queue to an exchange."""
        self.call(QueueBind(queue, exchange, key, arguments=arguments))

    def consume(
        self, queue: str, tag: str = '', *, channel: int = 1, no_ack: bool = False, **options: Any
    ) -> str:
        """Start a consumer; return its tag."""
        answer = self.call(BasicConsume(queue, tag, no_ack=no_ack, **options), channel)
        return bytes(answer.consumer_tag).decode()

    def cancel(self, tag: str, channel: int = 1) -> None:
        """Cancel a consumer."""
        self.call(BasicCancel(tag), channel)

    def get(self, queue: str, *, no_ack: bool = False) -> Message[BasicGetOk] | None:
        """Return the first message of a queue; None if it is empty."""
        answer = self.call(BasicGet(queue, no_ack=no_ack))
        return answer if isinstance(answer, Message) else None

    def deliveries(self) -> list[Message[BasicDeliver]]:
        """Return the deliveries that came, and remove them from `received`."""
        found = [each for each in self.received if _is_delivery(each[1])]
        self.received = deque(each for each in self.received if not _is_delivery(each[1]))
        return [item for _, item in found if isinstance(item, Message)]

    def bodies(self) -> list[bytes]:
        """Return the bodies of the deliveries that came."""
        return [message.body for message in self.deliveries()]

    def ack(self, tag: int, *, multiple: bool = False, channel: int = 1) -> None:
        """Acknowledge deliveries."""
        self.send(BasicAck(tag, multiple), channel=channel)


def _is_delivery(item: object) -> bool:
    return isinstance(item, Message) and isinstance(item.method, BasicDeliver)


def next_wake(rig: Rig) -> float:
    """Return the seconds until the core must be woken; inf for never."""
    wake_at = rig.core.wake_at()
    return inf if wake_at == inf else wake_at - rig.now
