"""Publishing many messages: all or none are refused, and one span covers them."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from coolamqp.api.publishing import PublishCalls, PublishCommands
from coolamqp.attaches.publication import Addressed, Publication
from coolamqp.objects import Message
from coolamqp.tracing import CallSpan
from tests.api.support import RigCommands, Tracer


class Recording(RigCommands, PublishCommands[Future[Any]]):
    """Records what it publishes."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        super().__init__(tracer)
        self.published: list[Publication] = []
        self.confirm: bool | None = None
        self.timeout: float | None = None

    def publish(
        self,
        publication: Publication,
        confirm: bool | None,
        timeout: float | None,
        span: CallSpan | None,
    ) -> Future[Any] | None:
        self.publish_all([publication], bool(confirm), timeout)
        return None

    def publish_all(
        self, publications: list[Publication], confirm: bool, timeout: float | None
    ) -> list[Future[Any]]:
        self.published += publications
        self.confirm, self.timeout = confirm, timeout
        return [Future() for _ in publications]


class Calls(PublishCalls[Future[Any]]):
    def __init__(self, tracer: Tracer | None = None) -> None:
        self._core = self.core = Recording(tracer)

    def publish_traced(self, message: Any, routing_key: Any, timeout: Any = None) -> None:
        """Publish as a Cluster with a tracer does."""
        self._publish_traced(message, None, routing_key, True, None, False, timeout)


def test_messages_are_published_in_their_order_with_their_addresses() -> None:
    calls = Calls()
    messages: list[Addressed] = [Message(b'a'), (Message(b'b'), 'own', 'mine')]
    assert len(calls.publish_many(iter(messages), 'ex', 'key', timeout=3.0)) == 2
    published = [(each.body, each.exchange, each.routing_key) for each in calls.core.published]
    assert published == [(b'a', b'ex', b'key'), (b'b', b'own', b'mine')]
    assert (calls.core.confirm, calls.core.timeout) == (True, 3.0)


@pytest.mark.parametrize('tracer', [None, Tracer()], ids=['without tracer', 'with tracer'])
def test_one_item_that_is_no_message_is_refused_before_any_is_published(
    tracer: Tracer | None,
) -> None:
    calls = Calls(tracer)
    with pytest.raises(TypeError, match='must be a Message'):
        calls.publish_many([Message(b'a'), b'none'])  # type: ignore[list-item]
    assert calls.core.published == []


@pytest.mark.parametrize('timeout', [-1, '5'])
def test_a_timeout_that_is_none_is_refused(timeout: Any) -> None:
    calls = Calls(Tracer())
    with pytest.raises((TypeError, ValueError), match='timeout must be'):
        calls.publish_many([Message(b'a')], timeout=timeout)
    with pytest.raises((TypeError, ValueError), match='timeout must be'):
        calls.publish_traced(Message(b'a'), 'key', timeout)
    assert calls.core.published == []


def test_one_span_covers_all_messages_and_ends_with_the_call() -> None:
    tracer = Tracer()
    calls = Calls(tracer)
    calls.publish_many([Message(b'a'), Message(b'b')], routing_key='q')
    (span,) = tracer.spans
    assert (span.call.name, span.call.destination, span.ends) == ('publish_many', 'q', [None])
    assert all(b'this one' in each.properties for each in calls.core.published)


def test_a_traced_publish_carries_its_context_and_leaves_its_span_open() -> None:
    tracer = Tracer()
    calls = Calls(tracer)
    calls.publish_traced(Message(b'a'), 'q')
    (span,) = tracer.spans
    assert (span.call.name, span.call.details, span.ends) == (
        'publish',
        {'exchange': '', 'routing_key': 'q'},
        [],
    )
    assert b'this one' in calls.core.published[0].properties
