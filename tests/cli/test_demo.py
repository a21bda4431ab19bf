"""`coolamqp demo`."""

from __future__ import annotations

import signal

from tests.cli.command import Command


def test_no_message_is_lost(alone: Command) -> None:
    record = alone('demo', '-n', '2000', '--json').record

    assert record.pop('received_again') < 2000
    assert record == {'published': 2000, 'confirmed': 2000, 'received': 2000, 'lost': 0}


def test_people_read_what_happens(alone: Command) -> None:
    ended = alone('demo', '-n', '100')

    assert ended.status == 0
    assert 'lost            0\n' in ended.out
    assert ended.error.splitlines() == [
        'publishing 100 messages; the broker restarts half-way',
        'the broker has restarted',
    ]


def test_an_interruption_ends_it(alone: Command) -> None:
    with alone.start('demo', '-n', '10000000') as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)

    assert process.returncode == 130
    assert b'published' in out
    assert b'lost' not in out  # Nobody knows.
