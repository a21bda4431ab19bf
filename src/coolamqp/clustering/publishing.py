"""The part of a Cluster that publishes: with confirms or without, one or many, or in a transaction.

Everything that can be checked or encoded is so in the caller's thread, before the lock is taken.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import wait
from typing import Any, Final, Literal, cast, overload

from coolamqp.api.publications import Addressed, publication_of, publication_of_item
from coolamqp.api.requests import check_timeout
from coolamqp.api.spans import all_with_context, destination_of, end_span, name_of, with_context
from coolamqp.attaches.argument_orders import publish_order
from coolamqp.attaches.publication import Publication
from coolamqp.clustering.admission import seconds_until
from coolamqp.clustering.core import ClusterCore
from coolamqp.clustering.future import ClusterFuture
from coolamqp.clustering.transaction import Transaction
from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.text import Text
from coolamqp.objects import Exchange, Message

# So many of `publish_many` are published before others, the I/O thread too, have their turn.
BATCH: Final = 256


class Publishing(ClusterCore):
    """Publishing; see `coolamqp.clustering.Cluster`."""

    @overload
    def publish(
        self,
        message: Message,
        exchange: Exchange | Text | None = None,
        routing_key: Text = '',
        tx: None = None,
        *,
        confirm: Literal[True],
        span: Any = None,
        dont_trace: bool = False,
        mandatory: bool = False,
        timeout: float | None = None,
    ) -> ClusterFuture: ...

    @overload
    def publish(
        self,
        message: Message,
        exchange: Exchange | Text | None = None,
        routing_key: Text = '',
        tx: bool | None = None,
        confirm: bool | None = None,
        span: Any = None,
        dont_trace: bool = False,
        *,
        mandatory: bool = False,
        timeout: float | None = None,
    ) -> ClusterFuture | None: ...

    def publish(
        self,
        message: Message,
        exchange: Exchange | Text | None = None,
        routing_key: Text = '',
        tx: bool | None = None,
        confirm: bool | None = None,
        span: Any = None,
        dont_trace: bool = False,
        *,
        mandatory: bool = False,
        timeout: float | None = None,
    ) -> ClusterFuture | None:
        """Publish a message.

        :param message: what to publish; its body must not change until it is confirmed
        :param exchange: as an object or by name; None is the default exchange
        :param routing_key: for the default exchange the name of a queue
        :param tx: the old name of `confirm`
        :param confirm: True to keep the message until the broker has taken responsibility for it,
            across reconnects; False to send and forget, or drop if there is no connection
        :param mandatory: whether the message comes back if no queue takes it: with `confirm` its
            future ends with `Returned`, without, `Cluster.on_return` is called
        :param timeout: how long to wait for room if too much is unconfirmed or unsent, in seconds
        :param span: parent of the span of this call, if there is a tracer; None for the active one
        :param dont_trace: True for no span
        :returns: with `confirm`, a future that ends with None when the message is safe, or with the
            reason why not; without, None
        :raises TimeoutError: there was no room in time; the message is not published
        :raises ConnectionDead: the Cluster was shut down, or is about to be

        >>> future = cluster.publish(  # doctest: +SKIP
        ...     Message(b'hello'), routing_key='greetings', confirm=True
        ... )
        >>> future.result(timeout=10)  # doctest: +SKIP
        """
        if tx is not None or span is not None or not (confirm is None or confirm is True):
            confirm, span, dont_trace = publish_order(tx, confirm, span, dont_trace)
        if self._call_tracer is not None and not dont_trace:
            return self._publish_traced(
                message, exchange, routing_key, confirm, span, mandatory, timeout
            )
        if timeout is not None:
            check_timeout(timeout)
        publication = publication_of(message, exchange, routing_key, mandatory)
        if not confirm:
            self._admission.publish_plain(publication, timeout)
            return None
        future = publication.promise = ClusterFuture(self, publication)
        self._admission.publish(publication, timeout)
        return future

    def _publish_traced(
        self,
        message: Message,
        exchange: Exchange | Text | None,
        routing_key: Text,
        confirm: bool | None,
        parent: Any,
        mandatory: bool,
        timeout: float | None,
    ) -> ClusterFuture | None:
        """Publish in a span, whose context goes with the message."""
        key, destination = name_of(routing_key), destination_of(exchange, routing_key)
        with self._traced('publish', destination, parent, kind='producer', routing_key=key) as span:
            check_timeout(timeout)
            message = with_context(message, span)
            publication = publication_of(message, exchange, routing_key, mandatory)
            if not confirm:
                self._admission.publish_plain(publication, timeout)
                end_span(span)
                return None
            future = publication.promise = self._new_future(span)
            future.publication = publication
            self._admission.publish(publication, timeout)
            return future

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
        """Publish many messages, in their order and at less cost than one by one.

        :param messages: each a `Message`, or `(message, exchange, routing_key)`; all of them are
            looked at before the first is published
        :param exchange: where messages go that come without address; None is the default exchange
        :param routing_key: of messages that come without address
        :param confirm: see `publish`
        :param mandatory: see `publish`
        :param timeout: how long to wait for room in all, in seconds
        :returns: with `confirm`, a future for each message, in order; without, an empty list. The
            futures of those for which there was no room in time end with `TimeoutError`
        :raises TypeError: one of them is no message; nothing is published then
        """
        check_timeout(timeout)
        deadline = None if timeout is None else time.monotonic() + timeout
        destination = destination_of(exchange, routing_key)
        with self._traced('publish_many', destination, kind='producer') as span:
            publications = [
                publication_of_item(item, exchange, routing_key, mandatory)
                for item in all_with_context(messages, span)
            ]
            futures = self._publish_all(publications, confirm, deadline)
            end_span(span)
            return futures

    def _publish_all(
        self, publications: list[Publication], confirm: bool, deadline: float | None
    ) -> list[ClusterFuture]:
        if not confirm:
            for publication in publications:
                self._admission.publish_plain(publication, seconds_until(deadline))
            return []
        futures = []
        for publication in publications:
            future = publication.promise = ClusterFuture(self, publication)
            futures.append(future)
        self._publish_all_confirmed(publications, futures, deadline)
        return futures

    def _publish_all_confirmed(
        self,
        publications: list[Publication],
        futures: list[ClusterFuture],
        deadline: float | None,
    ) -> None:
        """Publish; those that cannot be published any more end with the reason."""
        with self._lock:
            self._running()  # If it takes nothing at all, that is for the caller to know.
        done = 0
        try:
            while done < len(publications):
                done += self._admission.publish_batch(publications[done : done + BATCH], deadline)
        except (TimeoutError, ConnectionDead) as error:
            for future in futures[done:]:
                future.set_exception(error)

    def wait_for_confirms(self, timeout: float | None = None) -> None:
        """Wait until every message that was published with `confirm` so far has ended, well or not.

        :param timeout: seconds; None for as long as it takes
        :raises TimeoutError: some are still open
        """
        check_timeout(timeout)
        self.check_may_wait()
        with self._lock:
            self._running()
            promises = self._engine.publisher.promises
        unended = wait(cast('list[ClusterFuture]', promises), timeout).not_done
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

        >>> with cluster.transaction() as tx:  # doctest: +SKIP
        ...     tx.publish(Message(b'debit'), routing_key='ledger')
        ...     tx.publish(Message(b'credit'), routing_key='ledger')
        """
        check_timeout(timeout)
        return Transaction(self, timeout)
