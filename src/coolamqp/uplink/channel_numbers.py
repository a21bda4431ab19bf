"""Which channel numbers are free; the lowest is taken first, so that they stay small."""

from __future__ import annotations

import heapq

from coolamqp.exceptions import CoolAMQPError


class ChannelNumbers:
    """Hands out channel numbers from 1 to `channel_max`."""

    def __init__(self, channel_max: int) -> None:
        self._channel_max = channel_max
        self._next_unused = 1
        self._released: list[int] = []

    def take(self) -> int:
        """Give a free number.

        :raises CoolAMQPError: all are taken
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
        """Take a number back."""
        heapq.heappush(self._released, number)
