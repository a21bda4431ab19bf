"""A raw socket with encoded frames. It counts the bytes of deliveries."""

from __future__ import annotations

import struct
from typing import Final

from bench import raw
from bench.measurement import Measurement, Stopwatch, measured
from bench.task import PREFETCH, WINDOW, Task

ABILITIES: Final = frozenset[str]()
CHUNK: Final = 1 << 18
ACK_SIZE: Final = len(raw.ack(1, multiple=True))


def publish(task: Task) -> Measurement:
    with raw.Connection(task.url) as connection:
        message = raw.publish(task.queue, task.body, task.table)
        with measured(task) as measurement:
            connection.publish_many(message, task.messages)
            connection.count(task.queue)
        return measurement


def confirm(task: Task) -> Measurement:
    with raw.Connection(task.url) as connection:
        connection.call(raw.CONFIRM_SELECT, bytes(1))
        message = raw.publish(task.queue, task.body, task.table)
        with measured(task) as measurement:
            sent = confirmed = 0
            while confirmed < task.messages:
                room = min(task.messages - sent, WINDOW - (sent - confirmed))
                connection.publish_many(message, room)
                sent += room
                confirmed = _read_confirms(connection, confirmed)
        return measurement


def _read_confirms(connection: raw.Connection, confirmed: int) -> int:
    """Read once, and return the number of confirmed messages."""
    data = connection.receive()
    while len(data) % ACK_SIZE:
        data += connection.receive()
    for begin in range(0, len(data), ACK_SIZE):
        class_, number, tag, multiple = struct.unpack_from('>HHQB', data, begin + 7)
        if (class_, number) != raw.ACK:
            raise RuntimeError(f'{class_}.{number} came where a confirm should be')
        confirmed = max(confirmed, tag) if multiple else confirmed + 1
    return confirmed


def confirm_each(task: Task) -> Measurement:
    with raw.Connection(task.url) as connection:
        connection.call(raw.CONFIRM_SELECT, bytes(1))
        message = raw.publish(task.queue, task.body, task.table)
        watch = Stopwatch()
        with measured(task, watch) as measurement:
            for confirmed in range(task.messages):
                watch.begin()
                connection.socket.sendall(message)
                _read_confirms(connection, confirmed)
                watch.end()
        return measurement


def consume(task: Task) -> Measurement:
    return _consume(task, no_ack=True)


def consume_ack(task: Task) -> Measurement:
    return _consume(task, no_ack=False)


def _consume(task: Task, *, no_ack: bool) -> Measurement:
    with raw.Connection(task.url) as connection:
        step = raw.deliver_size(task.queue, task.size, task.table)
        buffer = bytearray(CHUNK)
        size = acked = 0
        with measured(task) as measurement:
            connection.consume(task.queue, no_ack=no_ack, prefetch=PREFETCH)
            received = connection.left_over()
            while True:
                if not no_ack and received // step > acked:
                    acked = received // step
                    connection.socket.sendall(raw.ack(acked, multiple=True))
                if received >= step * task.messages:
                    break
                size = connection.socket.recv_into(buffer)
                received += size
            if not no_ack:
                connection.count(task.queue)
        # The number of bytes is right, and the last one ends a frame: so these were deliveries.
        surplus = received - step * task.messages
        ends_a_frame = not size or buffer[size - 1] == raw.FRAME_END[0]
        if surplus or not ends_a_frame:
            raise RuntimeError(f'the deliveries are not of {step} bytes each, {surplus} are over')
        return measurement


def ping_pong(task: Task) -> Measurement:
    with raw.Connection(task.url) as connection:
        message = raw.publish(task.ping_queue, task.body, task.table)
        connection.consume(task.queue, no_ack=True, prefetch=PREFETCH)
        step = raw.deliver_size(task.queue, task.size, task.table)
        watch = Stopwatch()
        with measured(task, watch) as measurement:
            for _ in range(task.messages):
                watch.begin()
                connection.socket.sendall(message)
                received = 0
                while received < step:
                    received += len(connection.receive())
                watch.end()
        return measurement


UNABLE: Final = dict[str, str]()
WORKS: Final = {
    'publish': publish,
    'confirm': confirm,
    'confirm-each': confirm_each,
    'consume': consume,
    'consume-ack': consume_ack,
    'ping-pong': ping_pong,
}
