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
        """Wait until every message that was published with `confirm` so far has ended, well or not.

        :param timeout: seconds; None for as long as it takes
        :raises TimeoutError: some are still open
        """
        check_timeout(timeout)
        await self._core.wait_for_confirms(timeout)

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
        return Transaction(self._core, timeout)
