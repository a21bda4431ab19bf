"""The section of a failing test's report: connections, topology, messages and the last frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from coolamqp.broker import Broker, ConnectionView, SeenMessage
from coolamqp.broker.calls import DEFAULT_VHOST
from coolamqp.broker.recorder import ConnectionRecord
from coolamqp.broker.views import describe_message
from coolamqp.testing.frames import SeenFrame, last_frames

TITLE: Final = 'What the AMQP broker saw'
FRAMES_MAX: Final = 20
_MESSAGES_MAX: Final = 10
_WIDTH_MAX: Final = 160


def describe_broker(broker: Broker) -> str:
    """Return the state of a broker and its last frames as text, for the report of a failing test.

    The function never raises. Its text ends with the error instead.
    """
    lines: list[str] = [f'embedded broker at {broker.host}:{broker.port}']
    try:
        lines += _sections(broker)
    except Exception as error:  # noqa: BLE001 - the failure of the test matters more
        lines.append(f'the rest is missing: {error!r}')
    return '\n'.join(
        line if len(line) <= _WIDTH_MAX else f'{line[:_WIDTH_MAX]}...' for line in lines
    )


def _sections(broker: Broker) -> Iterator[str]:
    records = broker.recorded
    yield from _section('faults', broker.faults, nothing='')
    yield from _section('connections', _connections(broker.connections, records))
    for vhost in broker.vhosts:
        where = '' if vhost == DEFAULT_VHOST else f' of {vhost!r}'
        yield from _section(f'topology{where}', broker.topology(vhost).splitlines())
    yield from _section('messages that were published', _messages(broker.published))
    yield from _section('last frames', _frames(last_frames(records, FRAMES_MAX)))


def _section(title: str, lines: Iterable[str], nothing: str = 'none') -> Iterator[str]:
    found = list(lines) or [nothing] * bool(nothing)
    if found:
        yield f'{title}:'
        yield from (f'  {line}' for line in found)


def _connections(opened: list[ConnectionView], records: list[ConnectionRecord]) -> Iterator[str]:
    for each in opened:
        where = f'{each.user} in {each.vhost!r}' if each.vhost else 'not open yet'
        channels = ', '.join(map(str, each.channels)) or 'none'
        yield f'{each.name} from {each.peer}: {where}, channels: {channels}'
    for record in records:
        if record.ended:
            cause = record.cause or 'the client closed it'
            yield f'{record.name} from {record.peer}: ended, {cause}'


def _messages(published: list[SeenMessage]) -> Iterator[str]:
    if len(published) > _MESSAGES_MAX:
        yield f'... and {len(published) - _MESSAGES_MAX} before'
    yield from map(describe_message, published[-_MESSAGES_MAX:])


def _frames(frames: list[SeenFrame]) -> Iterator[str]:
    width = max((len(frame.name) for frame in frames), default=0)
    for frame in frames:
        arrow = '->' if frame.direction == 'to_server' else '<-'
        yield f'{frame.time:8.3f} s  {frame.name:{width}} {arrow} {frame.text}'
