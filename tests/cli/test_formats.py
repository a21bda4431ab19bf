"""The forms in which messages are written."""

from __future__ import annotations

import json

import pytest

from coolamqp.cli.formats import Writer, hex_dump
from coolamqp.objects import ReceivedMessage

MESSAGE = ReceivedMessage(b'a\xff', 'x', 'k')


@pytest.mark.parametrize(
    ('form', 'written'),
    [
        ('text', b'a\xff\n'),
        ('raw', b'a\xff'),
        ('hex', b'00000000  61 ff' + b' ' * 44 + b'|a.|\n'),
    ],
)
def test_bodies_are_written(
    form: str, written: bytes, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    Writer(form).write(MESSAGE)

    assert capfdbinary.readouterr().out == written


def test_json_has_everything_and_notes(capfd: pytest.CaptureFixture[str]) -> None:
    Writer('json').write(MESSAGE, time=1.5)

    assert json.loads(capfd.readouterr().out) == {
        'exchange': 'x',
        'routing_key': 'k',
        'body': {'$base64': 'Yf8='},
        'properties': {},
        'redelivered': False,
        'time': 1.5,
    }


def test_a_terminal_shows_the_address(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('sys.stdout.isatty', lambda: True, raising=False)
    Writer('text').write(ReceivedMessage(b'hello', '', 'k'))

    assert '# (default exchange) k' in capfd.readouterr().out


def test_a_long_body_has_several_lines() -> None:
    lines = hex_dump(bytes(range(33))).splitlines()

    assert [line[:8] for line in lines] == ['00000000', '00000010', '00000020']
    assert hex_dump(b'').startswith('00000000 ')
