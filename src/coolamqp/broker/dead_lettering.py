"""Dead-lettering: from a queue, through its dead-letter exchange, to other queues.

https://www.rabbitmq.com/docs/dlx. Queues that dead-letter to each other can multiply a message
without end: RabbitMQ only detects that a message returns to a queue. This broker limits the copies.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from coolamqp.broker.base_queue import BaseQueue
from coolamqp.broker.dead_letters import REJECTED, Reason, is_cycle, make_dead_letter
from coolamqp.broker.errors import shown
from coolamqp.broker.exchange import Exchange
from coolamqp.broker.message import BrokerMessage
from coolamqp.broker.routing import Router
from coolamqp.log_events import LogEvent, extra

logger = logging.getLogger(__name__)

# The broker drops a dead letter beyond this number of deaths, or of copies of the same message.
DEATHS_MAX: Final = 100
COPIES_MAX: Final = 1000


class DeadLettering:
    """Publishes the dead letters of a virtual host.

    :param wall_time: returns the time in seconds since 1970
    """

    def __init__(
        self, exchanges: dict[bytes, Exchange], router: Router, wall_time: Callable[[], float]
    ) -> None:
        self._exchanges = exchanges
        self._router = router
        self._wall_time = wall_time
        self._waiting: deque[tuple[Exchange, BrokerMessage, Reason]] = deque()
        self._publishing = False

    def publish(self, queue: BaseQueue, message: BrokerMessage, reason: Reason) -> None:
        """Publish a message to the dead-letter exchange of its queue."""
        options = queue.options
        name = options.dead_letter_exchange
        exchange = None if name is None else self._exchanges.get(name)
        if exchange is None:
            return
        dead = make_dead_letter(
            message,
            queue.name,
            reason,
            exchange.name,
            options.dead_letter_routing_key,
            int(self._wall_time()),
        )
        self._waiting.append((exchange, dead, reason))
        if not self._publishing:
            self._publish_all()

    def _publish_all(self) -> None:
        """Publish dead letters one after the other, because each may cause further ones."""
        self._publishing = True
        try:
            while self._waiting:
                exchange, dead, reason = self._waiting.popleft()
                for queue in self._queues_of(exchange, dead, reason):
                    queue.publish(dead)
        finally:
            self._publishing = False

    def _queues_of(
        self, exchange: Exchange, dead: BrokerMessage, reason: Reason
    ) -> list[BaseQueue]:
        """Return the queues that receive a dead letter; none beyond the limits above."""
        routed = self._router.route(exchange, dead)
        queues = [queue for queue in routed if not is_cycle(dead, queue.name)]
        counted = dead.copy_count
        if reason != REJECTED:  # Each rejection needs a client, so it cannot loop by itself.
            counted.copies += max(len(queues) - 1, 0)
        if counted.copies <= COPIES_MAX and len(dead.deaths) <= DEATHS_MAX:
            return queues
        if not counted.dropped:
            counted.dropped = True
            logger.warning(
                'a message with routing key %r has died in %d queues, and there are %d copies of '
                'it; no dead-letter exchange takes it any more',
                shown(dead.routing_key),
                len(dead.deaths),
                counted.copies,
                extra=extra(LogEvent.BROKER_DEAD_LETTER_DROPPED),
            )
        return []
