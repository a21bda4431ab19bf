"""The properties of a broker, from its `connection.start`."""

from __future__ import annotations

from typing import Any, cast

from coolamqp.framing.definitions import ConnectionStart
from coolamqp.framing.field_table import TypedTable, plain_table
from coolamqp.framing.text import text_bytes


class ServerProperties:
    """The properties of a broker.

    :ivar version: (major, minor) of the protocol
    :ivar properties: product, version, capabilities and so on, as a dict of str
    :ivar mechanisms: SASL mechanisms that the broker offers
    :ivar locales: locales that the broker offers, as one str
    """

    def __init__(self, start: ConnectionStart) -> None:
        self.version = (start.version_major, start.version_minor)
        self.properties: dict[str, Any] = plain_table(cast('TypedTable', start.server_properties))
        self.mechanisms = _text(start.mechanisms).split()
        self.locales = _text(start.locales)

    def __repr__(self) -> str:
        product, version = self.properties.get('product'), self.properties.get('version')
        return f'<ServerProperties of {product} {version}>'


def _text(value: bytes | str) -> str:
    return text_bytes(value, 'server property').decode('utf-8', 'backslashreplace')
