"""Transactions for programs with asyncio: an `async with` block."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from coolamqp.aio.future import ClusterFuture
from coolamqp.api.commands import Commands
from coolamqp.api.transaction import TransactionCalls


class Transaction(TransactionCalls[ClusterFuture]):
    """Publishes on leaving its block, or nothing if the block raises.

    :param timeout: how long to wait for the commit, in seconds; None waits without a limit
    """

    def __init__(self, commands: Commands[ClusterFuture], timeout: float | None) -> None:
        super().__init__(commands)
        self._timeout = timeout

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
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
        if not (await asyncio.wait([future], timeout=self._timeout))[0]:
            future.cancel()
            raise TimeoutError(f'the broker has not answered in {self._timeout} s')
        future.result()
