"""How long a consumer waits for a queue that another connection has locked.

The connection may be an older one of the same program, which the broker has not given up yet. But
RabbitMQ refuses a queue that exists with another exclusive flag in the same way, for ever.
"""

from __future__ import annotations

from typing import Final

# RabbitMQ gives up a silent client after two heartbeat intervals at the latest
# (https://www.rabbitmq.com/docs/heartbeats). Its queues are locked until then.
HEARTBEATS_UNTIL_UNLOCKED: Final = 2
# The heartbeat interval that RabbitMQ proposes, in seconds.
DEFAULT_HEARTBEAT: Final = 60


class LockedQueue:
    """A queue that a consumer has never had. It has been locked since the first refusal."""

    def __init__(self) -> None:
        self._since: float | None = None

    def may_come_free(self, now: float, heartbeat: int) -> bool:
        """Whether an older connection may still lock the queue.

        :param now: the time of a refusal, in seconds on a monotonic clock
        :param heartbeat: the heartbeat interval of the connection, in seconds; 0 without heartbeats
        """
        if self._since is None:
            self._since = now
        return now < self._since + HEARTBEATS_UNTIL_UNLOCKED * (heartbeat or DEFAULT_HEARTBEAT)
