"""The publishing calls of a Cluster by threads.

Everything that can be checked or encoded is so in the caller's thread, before the lock is taken.
"""

from __future__ import annotations

from typing import Any, Literal, overload

from coolamqp.api.publishing import PublishCalls
from coolamqp.api.requests import check_timeout
from coolamqp.attaches.publication import publication_of
from coolamqp.clustering.core import ClusterCore
from coolamqp.clustering.future import ClusterFuture
from coolamqp.clustering.transaction import Transaction
from coolamqp.compat import publish_order
from coolamqp.framing.text import Text
from coolamqp.objects import Exchange, Message


class Publishing(PublishCalls[ClusterFuture]):
    """Publishing; see `coolamqp.clustering.Cluster`."""

    _core: ClusterCore

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

        :param message: the message; its body must not change until it is confirmed
        :param exchange: an `Exchange` or a name; None is the default exchange
        :param routing_key: the routing key; for the default exchange it is the name of a queue
        :param confirm: True keeps the message until the broker has confirmed it, across reconnects.
            False sends it once, or drops it if there is no connection
        :param mandatory: whether the broker returns the message if no queue takes it. With
            `confirm`, the future then ends with `Returned`; without, `Cluster.on_return` is called
        :param timeout: how long to wait for room if too much is unconfirmed or unsent, in seconds
        :param span: the parent of the span of this call; None for the active span
        :param dont_trace: whether to make no span
        :param tx: the old name of `confirm`
        :returns: with `confirm`, a future that ends with None when the broker has confirmed the
            message, or with an error that says why not; without, None
        :raises TimeoutError: there was no room in time; the message is not published
        :raises ConnectionDead: the Cluster was shut down, or is about to be

        >>> future = cluster.publish(  # doctest: +SKIP
        ...     Message(b'hello'), routing_key='greetings', confirm=True
        ... )
        >>> future.result(timeout=10)  # doctest: +SKIP
        """
        if tx is not None or span is not None or not (confirm is None or confirm is True):
            confirm, span, dont_trace = publish_order(tx, confirm, span, dont_trace)
        core = self._core
        if core.tracer is not None and not dont_trace:
            return self._publish_traced(
                message, exchange, routing_key, confirm, span, mandatory, timeout
            )
        if timeout is not None:
            check_timeout(timeout)
        publication = publication_of(message, exchange, routing_key, mandatory)
        if not confirm:
            core.admission.publish_plain(publication, timeout)
            return None
        future = publication.promise = ClusterFuture(core, publication)
        core.admission.publish(publication, timeout)
        return future

    def wait_for_confirms(self, timeout: float | None = None) -> None:
        """Wait until all messages that are unconfirmed now are confirmed or have failed.

        :param timeout: seconds; None waits without a limit
        :raises TimeoutError: some are still unconfirmed
        """
        check_timeout(timeout)
        self._core.wait_for_confirms(timeout)

    def transaction(self, timeout: float | None = None) -> Transaction:
        """Publish several messages together, or none of them (a transaction of AMQP).

        CoolAMQP commits them at the end of the block, and forgets them if the block raises.

        :param timeout: how long to wait for the commit, in seconds; None waits without a limit
        :raises ConnectionDead: at the end of the block: the connection was lost during the commit,
            so the result is unknown
        :raises TimeoutError: at the end of the block: the commit took too long. A transaction that
            was not sent, as without a connection, will not be sent; otherwise the result is unknown

        >>> with cluster.transaction() as tx:  # doctest: +SKIP
        ...     tx.publish(Message(b'debit'), routing_key='ledger')
        ...     tx.publish(Message(b'credit'), routing_key='ledger')
        """
        check_timeout(timeout)
        return Transaction(self._core, timeout)
