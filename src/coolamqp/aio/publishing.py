"""The part of a Cluster that publishes: with confirms or without, one or many, or in a transaction.

Everything that can be checked or encoded is so at the call, which raises what is wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, cast

from coolamqp.aio.admission import Admission
from coolamqp.aio.core import ClusterCore
from coolamqp.aio.future import ClusterFuture
from coolamqp.aio.transaction import Transaction
from coolamqp.api.publications import Addressed, publication_of, publication_of_item
from coolamqp.api.requests import check_timeout
from coolamqp.api.spans import (
    all_with_context,
    destination_of,
    end_span,
    name_of,
    with_context,
)
from coolamqp.attaches.publication import Publication
from coolamqp.framing.text import Text
from coolamqp.objects import Exchange, Message
from coolamqp.tracing import CallSpan


class Publishing(ClusterCore):
    """Publishing; see `coolamqp.aio.Cluster`."""

    def publish(
        self,
        message: Message,
        exchange: Exchange | Text | None = None,
        routing_key: Text = '',
        *,
        confirm: bool | None = None,
        mandatory: bool = False,
        timeout: float | None = None,
        span: Any = None,
        dont_trace: bool = False,
    ) -> ClusterFuture:
        """Publish a message, in the order of the calls; awaiting the future is the back-pressure.

        :param exchange: None is the default exchange
        :param confirm: True to keep the message until the broker has taken responsibility for it,
            across reconnects; False to send and forget, or drop if there is no connection
        :param mandatory: whether the message comes back if no queue takes it: with `confirm` its
            future ends with `Returned`, without, `Cluster.on_return` is called
        :param timeout: how long the message may wait for room if too much is unconfirmed or unsent,
            in seconds; then the future ends with `TimeoutError`, and it is not published
        :param span: parent of the span of this call, if there is a tracer; None for the active one
        :param dont_trace: True for no span
        :returns: with `confirm`, a future that ends with None when the message is safe, or with the
            reason why not; without, one that ends with None when the message is handed over, the
            same for all that are so at once. Cancelling it takes the message back if it was not
            sent

        >>> await cluster.publish(message, routing_key='jobs', confirm=True)  # doctest: +SKIP
        """
        if self._call_tracer is not None and not dont_trace:
            return self._publish_traced(
                message, exchange, routing_key, confirm, span, mandatory, timeout
            )
        if timeout is not None:
            check_timeout(timeout)
        publication = publication_of(message, exchange, routing_key, mandatory)
        with self._lock:
            self._running().notify()
            if confirm:
                return self._submit(publication, self._unconfirmed, timeout)
            if self._plain.pass_through(publication):
                return self._handed_over()
            return self._submit(publication, self._plain, timeout)

    def _publish_traced(
        self,
        message: Message,
        exchange: Exchange | Text | None,
        routing_key: Text,
        confirm: bool | None,
        parent: Any,
        mandatory: bool,
        timeout: float | None,
    ) -> ClusterFuture:
        """Publish in a span, whose context goes with the message."""
        key, destination = name_of(routing_key), destination_of(exchange, routing_key)
        with self._traced('publish', destination, parent, kind='producer', routing_key=key) as span:
            check_timeout(timeout)
            message = with_context(message, span)
            publication = publication_of(message, exchange, routing_key, mandatory)
            with self._lock:
                self._running().notify()
                admission = self._unconfirmed if confirm else self._plain
                return self._submit(publication, admission, timeout, span)

    def publish_many(
        self,
        messages: Iterable[Addressed],
        exchange: Exchange | Text | None = None,
        routing_key: Text = '',
        *,
        confirm: bool = True,
        mandatory: bool = False,
        timeout: float | None = None,
    ) -> list[ClusterFuture]:
        """Publish many messages, in their order.

        :param messages: each a `Message`, or `(message, exchange, routing_key)`; all of them are
            looked at before the first is published
        :param exchange: where messages go that come without address; None is the default exchange
        :param confirm: see `publish`
        :param mandatory: see `publish`
        :param timeout: how long they may wait for room, in seconds
        :returns: a future for each message, in order; see `publish`
        :raises TypeError: one of them is no message; nothing is published then

        >>> await asyncio.gather(*cluster.publish_many(messages))  # doctest: +SKIP
        """
        check_timeout(timeout)
        destination = destination_of(exchange, routing_key)
        with self._traced('publish_many', destination, kind='producer') as span:
            publications = [
                publication_of_item(item, exchange, routing_key, mandatory)
                for item in all_with_context(messages, span)
            ]
            admission = self._unconfirmed if confirm else self._plain
            with self._lock:
                self._running().notify()
                futures = [self._submit(each, admission, timeout) for each in publications]
            end_span(span)
            return futures

    async def wait_for_confirms(self, timeout: float | None = None) -> None:
        """Wait until every message that was published with `confirm` so far has ended, well or not.

        :param timeout: seconds; None for as long as it takes
        :raises TimeoutError: some are still open
        """
        check_timeout(timeout)
        with self._lock:
            self._running()
        promises = cast('list[ClusterFuture]', self._engine.publisher.promises)
        futures = [*promises, *self._unconfirmed]
        if not futures:
            return
        unended = (await asyncio.wait(futures, timeout=timeout))[1]
        if unended:
            raise TimeoutError(f'{len(unended)} messages are not confirmed within {timeout} s')

    def transaction(self, timeout: float | None = None) -> Transaction:
        """Publish several messages together, or none of them.

        They are committed when the block is left, and forgotten if it raises.

        :param timeout: how long to wait for the commit, in seconds; None for as long as it takes
        :raises ConnectionDead: from leaving the block: the connection was lost in the middle of the
            commit, so that nobody knows what became of it
        :raises TimeoutError: likewise: it is not committed in time. If it had not been sent, as
            without a connection, it will not be; if it had, nobody knows

        >>> async with cluster.transaction() as tx:  # doctest: +SKIP
        ...     tx.publish(Message(b'debit'), routing_key='ledger')
        ...     tx.publish(Message(b'credit'), routing_key='ledger')
        """
        check_timeout(timeout)
        return Transaction(self, timeout)

    def _submit(
        self,
        publication: Publication,
        admission: Admission,
        timeout: float | None,
        span: CallSpan | None = None,
    ) -> ClusterFuture:
        future = publication.promise = self._new_future(span)
        future.publication = publication
        future.publisher = self
        admission.submit(publication, future, timeout)
        return future

    def _handed_over(self) -> ClusterFuture:
        """Give the future of what needs none: it has ended, and so one serves for all."""
        future = self._ended_future
        if future is None:
            future = self._ended_future = self._new_future()
            future.set_result(None)
        return future

    def withdraw(self, publication: Publication) -> None:
        """Take a message back; programs call `cancel` of its future.

        Not only on the running loop, since one that ends cancels tasks.
        """
        if not self._unconfirmed.withdraw(publication) and not self._plain.withdraw(publication):
            self._engine.withdraw(publication)
        self._wake()  # it lets those go on who wait for room
