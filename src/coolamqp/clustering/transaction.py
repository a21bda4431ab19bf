"""Transactions for programs with threads: a `with` block."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from coolamqp.api.commands import Commands
from coolamqp.api.transaction import TransactionCalls
from coolamqp.clustering.future import ClusterFuture


class Transaction(TransactionCalls[ClusterFuture]):
    """Publishes on leaving its block, or nothing if the block raises.

    :param timeout: how long to wait for the commit, in seconds; None waits without a limit
    """

    def __init__(self, commands: Commands[ClusterFuture], timeout: float | None) -> None:
        super().__init__(commands)
        self._timeout = timeout

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is not None:
            self.roll_back()
            return
        future = self.commit()
        if future is None:
            return
        try:
            future.result(self._timeout)
        except TimeoutError:
            self._give_up()
            raise
