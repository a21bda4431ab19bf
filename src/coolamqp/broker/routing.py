"""Routing from an exchange to queues, with alternate exchanges and exchange-to-exchange bindings.

https://www.rabbitmq.com/docs/ae and https://www.rabbitmq.com/docs/e2e
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from coolamqp.broker.base_queue import BaseQueue
from coolamqp.broker.exchange import Destination, Exchange
from coolamqp.broker.message import BrokerMessage

DEFAULT_EXCHANGE: Final = b''


class Router:
    """Finds the queues of a message among the exchanges and queues of a virtual host."""

    def __init__(self, exchanges: dict[bytes, Exchange], queues: dict[bytes, BaseQueue]) -> None:
        self._exchanges = exchanges
        self._queues = queues

    def route(self, exchange: Exchange, message: BrokerMessage) -> list[BaseQueue]:
        """Return the queues that receive a message, each queue once."""
        keys = [message.routing_key, *message.cc, *message.bcc]
        if exchange.name == DEFAULT_EXCHANGE and len(keys) == 1:
            queue = self._queues.get(message.routing_key)
            return [] if queue is None else [queue]
        queues: dict[BaseQueue, None] = {}
        seen = {exchange}
        waiting = [exchange]
        while waiting:
            for destination in self._step(waiting.pop(), keys, message):
                if not isinstance(destination, Exchange):
                    queues[destination] = None
                elif destination not in seen:
                    seen.add(destination)
                    waiting.append(destination)
        return list(queues)

    def _step(
        self, source: Exchange, keys: list[bytes], message: BrokerMessage
    ) -> list[Destination]:
        """Return the destinations of one exchange; without any, its alternate exchange."""
        found = [each for key in keys for each in self._matches(source, key, message)]
        if not found and source.alternate is not None:
            alternate = self._exchanges.get(source.alternate)
            return [] if alternate is None else [alternate]
        return found

    def _matches(
        self, source: Exchange, routing_key: bytes, message: BrokerMessage
    ) -> Iterable[Destination]:
        if source.name == DEFAULT_EXCHANGE:
            queue = self._queues.get(routing_key)
            return () if queue is None else (queue,)
        return source.match(routing_key, message)
