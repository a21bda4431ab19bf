"""What a broker says in a short session, and a sink that writes down what it is handed."""

from __future__ import annotations

from typing import Any

from coolamqp.framing import definitions
from coolamqp.framing.decoder import Decoder, FrameSink
from coolamqp.framing.frames import (
    AMQPBodyFrame,
    AMQPFrame,
    AMQPHeaderFrame,
    AMQPHeartbeatFrame,
    AMQPMethodFrame,
)
from coolamqp.framing.properties import BasicContentPropertyList

FRAME_MAX = 4096

PERSISTENT = BasicContentPropertyList(
    content_type='text/plain', delivery_mode=2, headers={'tries': 3, 'from': ['a', {'b': None}]}
)

FRAMES: list[AMQPFrame] = [
    AMQPMethodFrame(
        0, definitions.ConnectionStart(0, 9, {'product': 'RabbitMQ'}, b'PLAIN AMQPLAIN', b'en_US')
    ),
    AMQPMethodFrame(0, definitions.ConnectionTune(2047, 131072, 60)),
    AMQPMethodFrame(0, definitions.ConnectionOpenOk()),
    AMQPHeartbeatFrame(),
    AMQPMethodFrame(1, definitions.ChannelOpenOk()),
    AMQPMethodFrame(1, definitions.BasicConsumeOk('reader')),
    AMQPMethodFrame(1, definitions.BasicDeliver('reader', 1, False, 'news', 'sport')),
    AMQPHeaderFrame(1, 60, 0, 11, PERSISTENT),
    AMQPBodyFrame(1, b'hello '),
    AMQPHeartbeatFrame(),
    AMQPBodyFrame(1, b'world'),
    AMQPMethodFrame(1, definitions.BasicDeliver('reader', 2, True, '', 'sport')),
    AMQPHeaderFrame(1, 60, 0, 0, BasicContentPropertyList()),
    AMQPBodyFrame(1, b''),
    AMQPMethodFrame(2, definitions.BasicAck(7, True)),
    AMQPMethodFrame(0, definitions.ConnectionCloseOk()),
]
SESSION = b''.join(frame.encode() for frame in FRAMES)

Event = tuple[Any, ...]


def event(frame: AMQPFrame) -> Event:
    """Tell what a sink should write down for a frame."""
    if isinstance(frame, AMQPHeartbeatFrame):
        return ('heartbeat',)
    kind = {AMQPMethodFrame: 'method', AMQPHeaderFrame: 'header', AMQPBodyFrame: 'body'}
    encoded = frame.encode()
    return kind[type(frame)], int.from_bytes(encoded[1:3], 'big'), encoded[7:-1]


EVENTS = [event(frame) for frame in FRAMES]


class Recorder(FrameSink):
    """Writes down frames as events, bodies put together, and each call with the buffer it got."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.body_calls: list[tuple[bytes, int, int, bool]] = []
        self._body = b''

    def on_method(self, channel: int, buffer: bytes, start: int, end: int) -> None:
        self.events.append(('method', channel, buffer[start:end]))

    def on_header(self, channel: int, buffer: bytes, start: int, end: int) -> None:
        self.events.append(('header', channel, buffer[start:end]))

    def on_body(self, channel: int, buffer: bytes, start: int, end: int, frame_ended: bool) -> None:
        self.body_calls.append((buffer, start, end, frame_ended))
        self._body += buffer[start:end]
        if frame_ended:
            self.events.append(('body', channel, self._body))
            self._body = b''

    def on_heartbeat(self) -> None:
        self.events.append(('heartbeat',))


def record(*chunks: bytes, frame_max: int = FRAME_MAX) -> list[Event]:
    """Feed chunks to a new decoder; give what its sink wrote down."""
    recorder = Recorder()
    decoder = Decoder(recorder, frame_max)
    for chunk in chunks:
        decoder.feed(chunk)
    return recorder.events
