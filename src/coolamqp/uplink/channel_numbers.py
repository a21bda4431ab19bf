"""The channel numbers of a connection. The lowest free one goes first, so they stay small."""

from __future__ import annotations

import heapq

from coolamqp.exceptions import CoolAMQPError


class ChannelNumbers:
    """Allocates channel numbers from 1 to `channel_max`."""

    def __init__(self, channel_max: int) -> None:
        self._channel_max = channel_max
        self._next_unused = 1
        self._released: list[int] = []

    @property
    def available(self) -> bool:
        """Whether a number is free."""
        return bool(self._released) or self._next_unused <= self._channel_max

    def allocate(self) -> int:
        """Return a free number, which is in use from now on.

        :raises CoolAMQPError: all are in use
        """
        if self._released:
            return heapq.heappop(self._released)
        if self._next_unused > self._channel_max:
            raise CoolAMQPError(
                f'all {self._channel_max} channels of the connection are in use; raise channel_max '
                f'in the configuration of RabbitMQ, or use fewer consumers'
            )
        self._next_unused += 1
        return self._next_unused - 1

    def release(self, number: int) -> None:
        """Make a number free again."""
        heapq.heappush(self._released, number)
