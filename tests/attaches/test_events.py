"""Events: what a program sees of them."""

from __future__ import annotations

import pytest

from coolamqp import aio, clustering
from coolamqp.attaches import events
from coolamqp.attaches.events import ConnectionUnblocked, MessageReceived, TopologyRestored
from tests.support.deliveries import deliveries
from tests.support.scripted_broker import NODE


def test_an_event_shows_what_it_is_about() -> None:
    assert repr(TopologyRestored(NODE)) == f'TopologyRestored(node={NODE!r})'
    assert repr(ConnectionUnblocked()) == 'ConnectionUnblocked()'


def test_a_received_message_is_an_event_that_has_everything_of_the_message() -> None:
    (message,) = deliveries(1)
    event = MessageReceived(message)
    event.reject(requeue=True)
    assert event.refusals is message.refusals  # of the class of the message
    with pytest.raises(AttributeError, match='nonsense'):
        event.nonsense  # noqa: B018


def test_both_faces_have_all_events() -> None:
    assert clustering.events.__all__ == aio.events.__all__ == events.__all__
