"""The publishing calls of a Cluster for asyncio.

Everything that can be checked or encoded is so at the call, which raises what is wrong.
"""

from __future__ import annotations

from typing import Any, cast

from coolamqp.aio.core import ClusterCore
from coolamqp.aio.future import ClusterFuture
from coolamqp.aio.transaction import Transaction
from coolamqp.api.publishing import PublishCalls
from coolamqp.api.requests import check_timeout
from coolamqp.attaches.publication import publication_of
from coolamqp.framing.text import Text
from coolamqp.objects import Exchange, Message


class Publishing(PublishCalls[ClusterFuture]):
    """Publishing; see `coolamqp.aio.Cluster`."""

    _core: ClusterCore

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
        """Publish a message, in the order of the calls. Awaiting the future is the back-pressure.

        :param exchange: an `Exchange` or a name; None is the default exchange
        :param routing_key: the routing key; for the default exchange it is the name of a queue
        :param confirm: True keeps the message until the broker has confirmed it, across reconnects.
            False sends it once, or drops it if there is no connection
        :param mandatory: whether the broker returns the message if no queue takes it. With
            `confirm`, the future then ends with `Returned`; without, `Cluster.on_return` is called
        :param timeout: how long the message may wait for room if too much is unconfirmed or unsent,
            in seconds; then the future ends with `TimeoutError`, and it is not published
        :param span: the parent of the span of this call; None for the active span
        :param dont_trace: whether to make no span
        :returns: with `confirm`, a future that ends with None when the broker has confirmed the
            message, or with an error that says why not; without, a future that ends with None when
            the message is handed over. Cancelling it withdraws a message that was not sent

        >>> await cluster.publish(message, routing_key='jobs', confirm=True)  # doctest: +SKIP
        """
        if self._core.tracer is not None and not dont_trace:
            future = self._publish_traced(
                message, exchange, routing_key, confirm, span, mandatory, timeout
            )
            return cast('ClusterFuture', future)
        if timeout is not None:
            check_timeout(timeout)
        publication = publication_of(message, exchange, routing_key, mandatory)
        return self._core.publish(publication, confirm, timeout, None)

    async def wait_for_confirms(self, timeout: float | None = None) -> None:
        """Wait until all messages that are unconfirmed now are confirmed or have failed.

        :param timeout: seconds; None waits without a limit
        :raises TimeoutError: some are still unconfirmed
        """
        check_timeout(timeout)
        await self._core.wait_for_confirms(timeout)

    def transaction(self, timeout: float | None = None) -> Transaction:
        """Publish several messages together, or none of them (a transaction of AMQP).

        CoolAMQP commits them at the end of the block, and forgets them if the block raises.

        :param timeout: how long to wait for the commit, in seconds; None waits without a limit
        :raises ConnectionDead: at the end of the block: the connection was lost during the commit,
            so the result is unknown
        :raises TimeoutError: at the end of the block: the commit took too long. A transaction that
            was not sent, as without a connection, will not be sent; otherwise the result is unknown

        >>> async with cluster.transaction() as tx:  # doctest: +SKIP
        ...     tx.publish(Message(b'debit'), routing_key='ledger')
        ...     tx.publish(Message(b'credit'), routing_key='ledger')
        """
        check_timeout(timeout)
        return Transaction(self._core, timeout)
