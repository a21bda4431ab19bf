"""A publication: encoded as far as it can be, and counted."""

from __future__ import annotations

import pytest

from coolamqp.attaches.publication import HEADER_OVERHEAD, OVERHEAD, Publication
from coolamqp.framing.definitions import BasicPublish
from coolamqp.framing.frames import AMQPBodyFrame, AMQPHeaderFrame, AMQPMethodFrame
from coolamqp.objects import Message
from tests.uplink.rig import Peers


def test_it_counts_for_its_body_and_properties_and_what_it_costs_to_keep() -> None:
    plain = Publication(Message(b'hello'), b'ex', b'key')
    with_properties = Publication(Message(b'hello', {'content_type': 'text'}), b'ex', b'key')
    assert plain.size == len(b'hello') + 2 + OVERHEAD
    assert with_properties.size == plain.size + len(b'text') + 1


def test_its_properties_must_fit_into_one_frame() -> None:
    publication = Publication(Message(b'', {'headers': {'x': bytes(5000)}}), b'', b'')
    needed = len(publication.properties) + HEADER_OVERHEAD
    assert publication.fits(needed)
    assert not publication.fits(needed - 1)


@pytest.mark.parametrize('body', [b'hello', bytearray(b'hello'), memoryview(b'h e l l o')[::2]])
def test_it_is_sent_as_method_header_and_body(body: bytes) -> None:
    peers = Peers().open()
    channel, _ = peers.channel()
    Publication(Message(body), b'ex', b'key', mandatory=True).send(channel)
    method, header, sent = peers.broker.hear()
    assert isinstance(method, AMQPMethodFrame)
    assert method.payload == BasicPublish(b'ex', b'key', mandatory=True)
    assert isinstance(header, AMQPHeaderFrame)
    assert isinstance(sent, AMQPBodyFrame)
    assert sent.data == b'hello'
