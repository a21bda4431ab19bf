"""Messages as Kombu has them: to publish, and received."""

from __future__ import annotations

from typing import Any, Final

from kombu.transport import base

from coolamqp.framing.definitions import BasicReturn
from coolamqp.framing.field_table import plain_table
from coolamqp.framing.hot import Envelope
from coolamqp.framing.properties import PROPERTY_NAMES, BasicContentPropertyList, present_properties

# The names of properties that Kombu and CoolAMQP do not have in common.
_OUR_NAMES: Final = {'application_headers': 'headers', 'type': 'type_', 'cluster_id': 'reserved'}
_KOMBU_NAMES: Final = {ours: theirs for theirs, ours in _OUR_NAMES.items()}
_KNOWN: Final = {_KOMBU_NAMES.get(name, name): name for name in PROPERTY_NAMES}


def text(value: bytes | str) -> str:
    """Return a received string as str."""
    return value if isinstance(value, str) else value.decode('utf-8', 'surrogateescape')


class OutgoingMessage:
    """A message to publish. Its parts are encoded when it is published."""

    __slots__ = ('body', 'properties')

    def __init__(
        self,
        body: Any,
        priority: int | None,
        content_type: str | None,
        content_encoding: str | None,
        headers: dict[str, Any] | None,
        properties: dict[str, Any] | None,
    ) -> None:
        self.body = body
        self.properties: dict[str, Any] = {
            'priority': priority,
            'content_type': content_type,
            'content_encoding': content_encoding,
            'application_headers': headers,
        }
        if properties:
            self.properties.update(properties)

    def encode(self) -> tuple[bytes, bytes]:
        """Return body and properties as bytes. A body of str is encoded by its content encoding."""
        body, properties = self.body, self.properties
        if isinstance(body, str):
            encoding = properties['content_encoding'] or 'utf-8'
            properties['content_encoding'] = encoding
            body = body.encode(encoding)
        values = {_KNOWN[name]: value for name, value in properties.items() if name in _KNOWN}
        return body, BasicContentPropertyList(**values).encoded


class Message(base.Message):
    """A received message.

    :param channel: the channel to acknowledge it on
    :param tag: the delivery tag to acknowledge it by
    """

    def __init__(
        self, channel: Any, tag: int, envelope: Envelope, encoded_properties: bytes, body: bytes
    ) -> None:
        info = {
            'consumer_tag': text(envelope.consumer_tag),
            'delivery_tag': tag,
            'redelivered': envelope.redelivered,
            'exchange': text(envelope.exchange),
            'routing_key': text(envelope.routing_key),
        }
        properties = decode_properties(encoded_properties)
        super().__init__(
            body=decoded_body(body, properties),
            channel=channel,
            delivery_tag=tag,
            content_type=properties.get('content_type'),
            content_encoding=properties.get('content_encoding'),
            delivery_info=info,
            properties=properties,
            headers=properties.get('application_headers'),
        )


def decode_properties(encoded: bytes) -> dict[str, Any]:
    """Return the properties by the names of Kombu, without those that are absent."""
    properties = present_properties(encoded)
    for name, value in properties.items():
        if isinstance(value, bytes):
            properties[name] = text(value)
    for ours, theirs in _KOMBU_NAMES.items():
        if ours in properties:
            properties[theirs] = properties.pop(ours)
    if 'application_headers' in properties:
        properties['application_headers'] = plain_table(properties['application_headers'])
    return properties


def decoded_body(body: bytes, properties: dict[str, Any]) -> bytes | str:
    """Return a body as str if its content encoding is a codec of text, and fits."""
    encoding = properties.get('content_encoding')
    if encoding is None:
        return body
    try:
        return body.decode(encoding)
    except (LookupError, ValueError):  # no such codec, a name with NUL, or another encoding
        return body


def returned_message(
    channel: Any, method: BasicReturn, properties: bytes, body: bytes
) -> base.Message:
    """Return a message that the broker has returned."""
    decoded = decode_properties(properties)
    return base.Message(
        body=decoded_body(body, decoded),
        channel=channel,
        content_type=decoded.get('content_type'),
        content_encoding=decoded.get('content_encoding'),
        delivery_info={'exchange': text(method.exchange), 'routing_key': text(method.routing_key)},
        properties=decoded,
        headers=decoded.get('application_headers'),
    )
