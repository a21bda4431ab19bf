"""The last frames of connections, decoded from the bytes that a broker has recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from coolamqp.broker.recorder import Chunk, ConnectionRecord
from coolamqp.exceptions import WireError
from coolamqp.framing.definitions import FRAME_BODY, FRAME_END, FRAME_HEADER, FRAME_METHOD
from coolamqp.framing.field_table import plain_table
from coolamqp.framing.frames import (
    ENVELOPE,
    FRAME_OVERHEAD,
    HEARTBEAT_FRAME,
    AMQPBodyFrame,
    AMQPHeaderFrame,
    AMQPHeartbeatFrame,
    AMQPMethodFrame,
)
from coolamqp.framing.method import layout
from coolamqp.tracing import BaseFrameTracer, Direction
from coolamqp.uplink.frame_tap import FrameTap

_KINDS: Final = frozenset((FRAME_METHOD, FRAME_HEADER, FRAME_BODY, HEARTBEAT_FRAME[0]))
_BODY_SHOWN: Final = 60


@dataclass(frozen=True)
class SeenFrame:
    """A frame that a broker has received or sent.

    :ivar time: seconds since the call of `Broker.record`
    :ivar name: the name of the connection
    :ivar direction: `to_server` or `to_client`
    :ivar text: the frame as text; credentials are masked
    """

    time: float
    name: str
    direction: Direction
    text: str


def last_frames(records: list[ConnectionRecord], count: int) -> list[SeenFrame]:
    """Return the last frames of all connections, in order."""
    frames = [frame for record in records for frame in _frames_of(record)]
    frames.sort(key=lambda frame: frame.time)
    return frames[-count:]


class _Collector(BaseFrameTracer):
    """Collects frames as text."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.frames: list[SeenFrame] = []

    def on_frame(self, timestamp: float, frame: object, direction: Direction) -> None:
        """Add a frame."""
        self.frames.append(SeenFrame(timestamp, self.name, direction, frame_text(frame)))

    def feed(
        self, chunks: Iterable[Chunk], direction: Direction, decode: Callable[[bytes, float], None]
    ) -> None:
        """Decode the bytes of one direction, up to the first chunk that is not valid frames."""
        for chunk in chunks:
            try:
                decode(chunk.data, chunk.time)
            except WireError as error:
                text = f'{len(chunk.data)} bytes that are not valid frames: {error}'
                self.frames.append(SeenFrame(chunk.time, self.name, direction, text))
                break


def _frames_of(record: ConnectionRecord) -> list[SeenFrame]:
    collector = _Collector(record.name)
    tap = FrameTap(collector)
    received, sent = record.received, record.sent
    collector.feed(
        received if record.received_all else from_first_frame(received), 'to_server', tap.sent
    )
    collector.feed(sent if record.sent_all else from_first_frame(sent), 'to_client', tap.received)
    return collector.frames


def from_first_frame(chunks: list[Chunk]) -> Iterator[Chunk]:
    """Yield the chunks without the bytes before the first whole frame.

    The record of a long connection begins within a frame.
    """
    missing = first_frame(b''.join(chunk.data for chunk in chunks))
    for chunk in chunks:
        if missing < len(chunk.data):
            yield Chunk(chunk.time, chunk.data[missing:])
        missing = max(0, missing - len(chunk.data))


def first_frame(data: bytes) -> int:
    """Return the first offset from which the data consists of frames up to its end.

    The bytes before this offset are the rest of a frame whose beginning is missing. Return the
    length of the data if it has no whole frame.
    """
    return next((start for start in range(len(data)) if _are_frames(data, start)), len(data))


def _are_frames(data: bytes, start: int) -> bool:
    offset = start
    while offset + FRAME_OVERHEAD <= len(data):
        kind, _, size = ENVELOPE.unpack_from(data, offset)
        end: int = offset + ENVELOPE.size + size
        if kind not in _KINDS:
            return False
        if end >= len(data):
            break
        if data[end] != FRAME_END:
            return False
        offset = end + 1
    return offset > start


def frame_text(frame: object) -> str:
    """Return a frame as one line: the fields that are set, and the first 60 bytes of a body."""
    if isinstance(frame, AMQPMethodFrame):
        method = frame.payload
        fields = ((name, getattr(method, name)) for name, _ in layout(type(method)))
        shown = [f'{name}={_plain(value)!r}' for name, value in fields if _is_set(value)]
        return ' '.join([f'channel {frame.channel}', method.NAME, *shown])
    if isinstance(frame, AMQPHeaderFrame):
        return f'channel {frame.channel} header of {frame.body_size} bytes, {frame.properties}'
    if isinstance(frame, AMQPBodyFrame):
        cut = '...' if len(frame.data) > _BODY_SHOWN else ''
        return f'channel {frame.channel} body {frame.data[:_BODY_SHOWN]!r}{cut}'
    return 'heartbeat' if isinstance(frame, AMQPHeartbeatFrame) else repr(frame)


def _is_set(value: object) -> bool:
    return value is not False and value not in (None, '', b'', [])


def _plain(value: Any) -> Any:
    """Return a field of a method with text as str, and tables as dicts."""
    if isinstance(value, bytes):
        return value.decode('utf-8', 'backslashreplace')
    return plain_table(value) if isinstance(value, list) else value
