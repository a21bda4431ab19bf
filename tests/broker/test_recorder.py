"""The record of the last bytes of each connection."""

from __future__ import annotations

from coolamqp.broker import Broker
from coolamqp.broker.connection import BrokerConnection
from coolamqp.broker.core import BrokerCore
from coolamqp.broker.recorder import ENDED_MAX, RECORDED_BYTES, Chunk, Recorder


def make_core() -> BrokerCore:
    return Broker()._server.core  # it is not started, and has no socket


def accept(core: BrokerCore, peer: str = 'here') -> BrokerConnection:
    return core.accept(peer, None, 0.0)


def test_both_directions_are_recorded_in_order() -> None:
    recorder = Recorder(0.0)
    connection = accept(make_core())

    recorder.received(connection, b'one', 1.0)
    recorder.sent(connection, [b'answer', memoryview(b'more')], 2.0)
    recorder.received(connection, b'two', 3.0)

    (record,) = recorder.records()
    assert record.received == [Chunk(1.0, b'one'), Chunk(3.0, b'two')]
    assert record.sent == [Chunk(2.0, b'answer'), Chunk(2.0, b'more')]
    assert record.received_all
    assert record.sent_all
    assert (record.name, record.peer) == ('a client', 'here')


def test_old_bytes_are_forgotten() -> None:
    recorder = Recorder(0.0)
    connection = accept(make_core())

    for number in range(5):
        recorder.received(connection, bytes([number]) * (RECORDED_BYTES // 2), float(number))

    (record,) = recorder.records()
    assert [chunk.data[0] for chunk in record.received] == [3, 4]
    assert not record.received_all
    assert record.sent_all


def test_the_last_bytes_are_kept_however_many_they_are() -> None:
    recorder = Recorder(0.0)
    connection = accept(make_core())

    recorder.received(connection, b'small', 0.0)
    recorder.received(connection, bytes(2 * RECORDED_BYTES), 1.0)

    (record,) = recorder.records()
    assert [len(chunk.data) for chunk in record.received] == [2 * RECORDED_BYTES]


def test_a_record_says_why_its_connection_has_ended() -> None:
    recorder = Recorder(0.0)
    core = make_core()
    connection = accept(core)
    recorder.received(connection, b'x', 0.0)
    assert not recorder.records()[0].ended

    core.lost(connection, 'the client has closed the socket', 1.0)

    (record,) = recorder.records()
    assert record.ended
    assert record.cause == 'the client has closed the socket'


def test_open_connections_and_those_that_ended_last_are_kept() -> None:
    recorder = Recorder(0.0)
    core = make_core()
    opened = accept(core, 'open')
    recorder.received(opened, b'x', 0.0)
    for number in range(2 * ENDED_MAX):
        connection = accept(core, str(number))
        recorder.received(connection, b'x', 0.0)
        core.lost(connection, '', 0.0)

    peers = [record.peer for record in recorder.records()]

    assert peers[0] == 'open'
    assert peers[-1] == str(2 * ENDED_MAX - 1)
    assert len(peers) <= 1 + ENDED_MAX + 1


def test_connections_of_a_broker_that_was_restarted_have_their_own_records() -> None:
    recorder = Recorder(0.0)
    before, after = accept(make_core(), 'before'), accept(make_core(), 'after')
    assert before.number == after.number

    recorder.received(before, b'x', 0.0)
    recorder.received(after, b'y', 1.0)

    assert [record.peer for record in recorder.records()] == ['before', 'after']
