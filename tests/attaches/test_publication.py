"""What a program publishes is checked, and addressed."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.attaches.publication import Publication, publication_of, publication_of_item
from coolamqp.objects import Exchange, Message

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
        ((MESSAGE, 5, 'key', False), TypeError, 'exchange'),
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
