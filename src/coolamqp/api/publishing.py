"""The common part of the publishing calls for threads and for asyncio."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, Generic

from coolamqp.api.commands import Commands, FutureT
from coolamqp.api.requests import check_timeout
from coolamqp.api.spans import (
    add_detail,
    all_with_context,
    destination_of,
    details_of,
    end_span,
    name_of,
    with_context,
)
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
    """The access of publishing calls to the engine. A subclass waits for room in its own way."""

    @abstractmethod
    def publish(
        self,
        publication: Publication,
        confirm: bool | None,
        timeout: float | None,
        span: CallSpan | None,
    ) -> FutureT | None:
        """Publish a message. Return its future; None if the message needs none.

        :param timeout: the time to wait for room, in seconds; None for no limit
        :param span: the span to end with the future; at once if there is no future
        """

    @abstractmethod
    def publish_all(
        self, publications: list[Publication], confirm: bool, timeout: float | None
    ) -> list[FutureT]:
        """Publish messages in order. Return their futures, see `publish`."""


class PublishCalls(Generic[FutureT]):
    """The publishing calls of a Cluster for threads and for asyncio."""

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
        """Publish a message in a span, and add the context of the span to its headers."""
        key, destination = name_of(routing_key), destination_of(exchange, routing_key)
        details = {'exchange': name_of(exchange), 'routing_key': key, **details_of(message)}
        with self._core.traced(
            'publish', destination, parent, False, kind='producer', **details
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
        """Publish many messages in order. It is faster than a call of `publish` for each.

        CoolAMQP checks all messages before it publishes the first.

        :param messages: the messages; each is a `Message` or `(message, exchange, routing_key)`
        :param exchange: the exchange for each plain `Message`; None is the default exchange
        :param routing_key: the routing key for each plain `Message`
        :param confirm: see `publish`
        :param mandatory: see `publish`
        :param timeout: the time to wait for room for all messages together, in seconds; None for
            no limit
        :returns: a list with the future of each message, in order, see `publish`. With threads and
            without `confirm`, the list is empty. If a message finds no room in time, its future
            ends with `TimeoutError`
        :raises TypeError: an item is no message; CoolAMQP then publishes none
        :raises ValueError: a name is longer than 255 bytes; CoolAMQP then publishes none
        :raises RuntimeError: the Cluster is not started
        :raises ConnectionDead: the Cluster is shut down

        >>> messages = [Message(b'%d' % number) for number in range(1000)]
        >>> for future in cluster.publish_many(messages, routing_key='tasks'):  # doctest: +SKIP
        ...     future.result()
        """
        check_timeout(timeout)
        destination = destination_of(exchange, routing_key)
        with self._core.traced('publish_many', destination, kind='producer') as span:
            publications = [
                publication_of_item(item, exchange, routing_key, mandatory)
                for item in all_with_context(messages, span)
            ]
            add_detail(span, 'message_count', str(len(publications)))
            futures = self._core.publish_all(publications, confirm, timeout)
            end_span(span)
            return futures
