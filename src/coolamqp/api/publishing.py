"""The publishing calls of a Cluster that threads and asyncio have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, Generic

from coolamqp.api.commands import Commands, FutureT
from coolamqp.api.requests import check_timeout
from coolamqp.api.spans import all_with_context, destination_of, end_span, name_of, with_context
from coolamqp.attaches.publication import (
    Addressed,
    Publication,
    publication_of,
    publication_of_item,
)
from coolamqp.framing.text import Text
from coolamqp.objects import Exchange, Message
from coolamqp.tracing import CallSpan


class PublishCommands(Commands[FutureT]):
    """Publishes for a Cluster, in its way of waiting for room."""

    @abstractmethod
    def publish(
        self,
        publication: Publication,
        confirm: bool | None,
        timeout: float | None,
        span: CallSpan | None,
    ) -> FutureT | None:
        """Publish a message; None if there is nothing to wait for.

        :param timeout: how long to wait for room, in seconds
        :param span: a span to end with the future, or at once if there is none
        """

    @abstractmethod
    def publish_all(
        self, publications: list[Publication], confirm: bool, timeout: float | None
    ) -> list[FutureT]:
        """Publish messages in their order; the futures are those of `publish`."""


class PublishCalls(Generic[FutureT]):
    """The part of a Cluster that publishes, as far as it is the same for threads and asyncio."""

    _core: PublishCommands[FutureT]

    def _publish_traced(
        self,
        message: Message,
        exchange: Exchange | Text | None,
        routing_key: Text,
        confirm: bool | None,
        parent: Any,
        mandatory: bool,
        timeout: float | None,
    ) -> FutureT | None:
        """Publish in a span, whose context goes with the message."""
        key, destination = name_of(routing_key), destination_of(exchange, routing_key)
        with self._core.traced(
            'publish', destination, parent, kind='producer', routing_key=key
        ) as span:
            check_timeout(timeout)
            message = with_context(message, span)
            publication = publication_of(message, exchange, routing_key, mandatory)
            return self._core.publish(publication, confirm, timeout, span)

    def publish_many(
        self,
        messages: Iterable[Addressed],
        exchange: Exchange | Text | None = None,
        routing_key: Text = '',
        *,
        confirm: bool = True,
        mandatory: bool = False,
        timeout: float | None = None,
    ) -> list[FutureT]:
        """Publish many messages, in their order and at less cost than one by one.

        :param messages: each a `Message`, or `(message, exchange, routing_key)`; all of them are
            checked before the first is published
        :param exchange: the exchange of messages without address; None is the default exchange
        :param routing_key: the routing key of messages without address
        :param confirm: see `publish`
        :param mandatory: see `publish`
        :param timeout: how long to wait for room in all, in seconds
        :returns: a future for each message, in order, as from `publish`; by threads and without
            `confirm`, an empty list. The futures of messages for which there was no room in time
            end with `TimeoutError`
        :raises TypeError: one of them is no message; none is published then
        """
        check_timeout(timeout)
        destination = destination_of(exchange, routing_key)
        with self._core.traced('publish_many', destination, kind='producer') as span:
            publications = [
                publication_of_item(item, exchange, routing_key, mandatory)
                for item in all_with_context(messages, span)
            ]
            futures = self._core.publish_all(publications, confirm, timeout)
            end_span(span)
            return futures
