"""`coolamqp record` and `coolamqp replay`."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

from coolamqp.broker import Broker
from tests.cli.command import Command
from tests.cli.test_tap import wait_for_tap


def test_what_was_recorded_is_replayed(coolamqp: Command, broker: Broker, tmp_path: Path) -> None:
    file = tmp_path / 'messages.jsonl'
    with coolamqp.start('record', file, 'amq.topic') as process:
        wait_for_tap(broker)
        coolamqp('publish', '-e', 'amq.topic', 'k.1', 'one', '-H', 'a=1')
        coolamqp('publish', '-e', 'amq.topic', 'k.2', 'two')
        broker.wait_until(lambda: len(file.read_bytes().splitlines()) == 2)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, f'recorded 2 messages in {file}\n'.encode())

    coolamqp('declare', 'queue', 'seen')
    coolamqp('bind', 'seen', 'amq.topic', '#')
    ended = coolamqp('replay', file, '--fast')

    assert (ended.status, ended.out) == (0, 'published 2 messages: 2 confirmed\n')
    seen = broker.queue('seen').messages
    assert [(each.exchange, each.routing_key, each.body) for each in seen] == [
        ('amq.topic', 'k.1', b'one'),
        ('amq.topic', 'k.2', b'two'),
    ]
    assert seen[0].headers == {'a': 1}


def test_a_replay_keeps_the_pauses(coolamqp: Command, tmp_path: Path) -> None:
    file = tmp_path / 'messages.jsonl'
    coolamqp('declare', 'queue', 'seen')
    lines = [{'routing_key': 'seen', 'time': at} for at in (100.0, 101.0)]
    file.write_text(''.join(f'{json.dumps(line)}\n' for line in lines))

    began = time.monotonic()
    assert coolamqp('replay', file, '--speed', '2').status == 0
    assert time.monotonic() - began >= 0.5


def test_a_replay_goes_elsewhere(coolamqp: Command, broker: Broker, tmp_path: Path) -> None:
    file = tmp_path / 'messages.jsonl'
    file.write_text('{"exchange": "nowhere", "routing_key": "k", "body": "x", "time": 1}\n')
    coolamqp('declare', 'queue', 'seen')

    assert coolamqp('replay', file, '--key', 'seen').status == 0
    assert broker.queue('seen').bodies == [b'x']


def test_a_file_is_not_overwritten(coolamqp: Command, tmp_path: Path) -> None:
    file = tmp_path / 'messages.jsonl'
    file.write_text('precious')

    ended = coolamqp('record', file, 'amq.topic')
    assert ended.status == 2
    assert f'{file}: File exists' in ended.error
    assert file.read_text() == 'precious'


def test_a_wrong_file_is_reported_with_its_line(coolamqp: Command, tmp_path: Path) -> None:
    file = tmp_path / 'messages.jsonl'
    file.write_text('{"routing_key": "q", "time": "now"}\n')

    ended = coolamqp('replay', file)
    assert ended.status == 2
    assert f'{file}, line 1: ' in ended.error
