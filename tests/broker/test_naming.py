"""Names."""

from __future__ import annotations

import base64

from coolamqp.broker.naming import generated, name_bytes, stripped


def test_a_generated_name_is_unique_and_short() -> None:
    names = {generated(b'amq.gen-') for _ in range(100)}

    assert len(names) == 100
    name = names.pop()
    assert len(base64.urlsafe_b64decode(name.removeprefix(b'amq.gen-') + b'==')) == 16


def test_a_name_is_bytes_without_line_ends() -> None:
    assert name_bytes('\N{SNOWMAN}\n') == '\N{SNOWMAN}\n'.encode()
    assert stripped(b'a\r\nb\n') == b'ab'
