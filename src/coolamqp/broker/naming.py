"""Names from clients, and names that the broker generates."""

from __future__ import annotations

from base64 import urlsafe_b64encode

from coolamqp.framing.text import Text, text_bytes
from coolamqp.names import unique_name


def generated(prefix: bytes) -> bytes:
    """Return a unique name in the form of RabbitMQ, such as `amq.gen-...`."""
    return prefix + urlsafe_b64encode(bytes.fromhex(unique_name().decode())).rstrip(b'=')


def name_bytes(text: Text) -> bytes:
    """Return a name as bytes."""
    return text_bytes(text, 'name')


def stripped(text: Text) -> bytes:
    """Return a name without CR and LF, which RabbitMQ removes from names."""
    return name_bytes(text).replace(b'\r', b'').replace(b'\n', b'')
