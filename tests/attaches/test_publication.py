"""A publication: checked, addressed, encoded as far as possible, and counted."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.attaches.publication import (
    HEADER_OVERHEAD_BYTES,
    OVERHEAD_BYTES,
    Publication,
    publication_of,
    publication_of_item,
)
from coolamqp.framing.definitions import BasicPublish
from coolamqp.framing.frames import AMQPBodyFrame, AMQPHeaderFrame, AMQPMethodFrame
from coolamqp.objects import Exchange, Message, Queue
from tests.uplink.rig import Peers

MESSAGE = Message(b'hello')


def address(publication: Publication) -> tuple[bytes, bytes, bool]:
    return publication.exchange, publication.routing_key, publication.mandatory


@pytest.mark.parametrize(
    ('arguments', 'addressed'),
    [
        ((None, 'key', False), (b'', b'key', False)),
        (('ex', b'key', True), (b'ex', b'key', True)),
        ((Exchange('ex'), '', None), (b'ex', b'', False)),
    ],
)
def test_a_message_is_addressed(arguments: Any, addressed: object) -> None:
    publication = publication_of(MESSAGE, *arguments)
    assert publication.body == b'hello'
    assert address(publication) == addressed


@pytest.mark.parametrize(
    ('arguments', 'error', 'text'),
    [
        ((b'hello', None, 'key', False), TypeError, 'message must be a Message, not bytes'),
        ((MESSAGE, None, 5, False), TypeError, 'routing_key'),
        ((MESSAGE, None, 'k' * 256, False), ValueError, 'routing_key'),
        ((MESSAGE, 5, 'key', False), TypeError, 'an Exchange or a name, not 5'),
        ((MESSAGE, Queue('q'), 'key', False), TypeError, 'an Exchange or a name, not Queue'),
        ((MESSAGE, 'x' * 256, 'key', False), ValueError, 'exchange is 256 bytes'),
    ],
)
def test_arguments_that_are_none_of_a_publication(
    arguments: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        publication_of(*arguments)


def test_an_item_may_have_an_address_of_its_own() -> None:
    with_its_own = publication_of_item((MESSAGE, 'own', 'mine'), 'ex', 'key', True)
    assert address(with_its_own) == (b'own', b'mine', True)
    assert address(publication_of_item(MESSAGE, 'ex', 'key', True)) == (b'ex', b'key', True)


def test_an_item_of_another_form_is_refused() -> None:
    with pytest.raises(TypeError, match=r'a Message or \(message, exchange, key\)'):
        publication_of_item((MESSAGE, 'key'), None, '', False)


def test_it_counts_for_its_body_and_properties_and_what_it_costs_to_keep() -> None:
    plain = Publication(Message(b'hello'), b'ex', b'key')
    with_properties = Publication(Message(b'hello', {'content_type': 'text'}), b'ex', b'key')
    assert plain.size == len(b'hello') + 2 + OVERHEAD_BYTES
    assert with_properties.size == plain.size + len(b'text') + 1


def test_its_properties_must_fit_into_one_frame() -> None:
    publication = Publication(Message(b'', {'headers': {'x': bytes(5000)}}), b'', b'')
    needed = len(publication.properties) + HEADER_OVERHEAD_BYTES
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
