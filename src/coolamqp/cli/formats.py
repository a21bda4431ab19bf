"""The forms in which a command writes messages: raw, text, hex, or JSON lines."""

from __future__ import annotations

import sys
from typing import Final

import click

from coolamqp.cli.options import Function
from coolamqp.cli.output import json_line, write_bytes
from coolamqp.cli.records import record_of
from coolamqp.objects import ReceivedMessage
from coolamqp.objects.message import flat_body

FORMATS: Final = ('text', 'raw', 'hex', 'json')
HEX_COLUMNS: Final = 16


def format_option(function: Function) -> Function:
    """Add --format."""
    return click.option(
        '-F', '--format', 'form', type=click.Choice(FORMATS), default='text', show_default=True,
        help='text: each body on a line; raw: nothing but bodies; json: lines for publish.',
    )(function)  # fmt: skip


class Writer:
    """Writes messages to stdout, each with a flush: afterwards it may be acknowledged.

    :param form: the format
    """

    def __init__(self, form: str) -> None:
        self._form = form
        self._shows_address = form in ('text', 'hex') and sys.stdout.isatty()

    def write(self, message: ReceivedMessage, **notes: object) -> None:
        """Write a message; `notes` are further members for JSON."""
        if self._shows_address:
            click.secho(_address(message), dim=True)
        write_bytes(self._formatted(message, notes))

    def _formatted(self, message: ReceivedMessage, notes: dict[str, object]) -> bytes:
        if self._form == 'json':
            return json_line(record_of(message, redelivered=message.redelivered, **notes))
        body = bytes(flat_body(message.body))
        if self._form == 'hex':
            return hex_dump(body).encode('ascii')
        return body if self._form == 'raw' else body + b'\n'


def _address(message: ReceivedMessage) -> str:
    exchange = message.exchange_name.decode('utf-8', 'backslashreplace') or '(default exchange)'
    key = message.routing_key.decode('utf-8', 'backslashreplace')
    headers = ''.join(f' {name}={value}' for name, value in message.headers.items())
    return f'# {exchange} {key}{headers}'


def hex_dump(body: bytes) -> str:
    r"""Return bytes as lines of an offset, hexadecimal digits, and what is printable.

    >>> hex_dump(b'a\x00')
    '00000000  61 00                                            |a.|\n'
    """
    lines = []
    for offset in range(0, max(len(body), 1), HEX_COLUMNS):
        row = body[offset : offset + HEX_COLUMNS]
        shown = ''.join(chr(octet) if 0x20 <= octet < 0x7F else '.' for octet in row)  # noqa: PLR2004
        lines.append(f'{offset:08x}  {row.hex(" "):<{3 * HEX_COLUMNS}} |{shown}|\n')
    return ''.join(lines)
