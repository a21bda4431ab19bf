"""Names that clients send, and those that the broker makes."""

from __future__ import annotations

from base64 import urlsafe_b64encode

from coolamqp.framing.text import Text, text_bytes
from coolamqp.names import unique_name


def generated(prefix: bytes) -> bytes:
    """Return a name that nobody else has, in the form of RabbitMQ's."""
    return prefix + urlsafe_b64encode(bytes.fromhex(unique_name().decode())).rstrip(b'=')


def name_bytes(text: Text) -> bytes:
    """Return a name as bytes."""
    return text_bytes(text, 'name')


def stripped(text: Text) -> bytes:
    """Return a name without line ends, which RabbitMQ removes from names."""
    return name_bytes(text).replace(b'\r', b'').replace(b'\n', b'')
