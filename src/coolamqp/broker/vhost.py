"""A virtual host: its exchanges, queues, bindings and policies.

The module `declarations` checks the declarations of clients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from coolamqp.broker.base_queue import BaseQueue, QueueHost
from coolamqp.broker.dead_lettering import DeadLettering
from coolamqp.broker.dead_letters import Reason
from coolamqp.broker.delivery import Entry
from coolamqp.broker.errors import Refusal, resource
from coolamqp.broker.exchange import (
    TYPES,
    Binding,
    BindingKey,
    Destination,
    Exchange,
    ExchangeDefinition,
)
from coolamqp.broker.memory import Memory
from coolamqp.broker.message import BrokerMessage
from coolamqp.broker.policies import Policies, Policy
from coolamqp.broker.routing import DEFAULT_EXCHANGE, Router
from coolamqp.broker.storage import Storage
from coolamqp.reply_codes import NOT_FOUND
from coolamqp.timers import Timers

# The exchanges that every virtual host has (section 3.1.3), and their types.
PREDECLARED: Final = {
    DEFAULT_EXCHANGE: 'direct',
    b'amq.direct': 'direct',
    b'amq.fanout': 'fanout',
    b'amq.topic': 'topic',
    b'amq.headers': 'headers',
    b'amq.match': 'headers',
    b'amq.rabbitmq.trace': 'topic',
}
_TRACE: Final = b'amq.rabbitmq.trace'


class VirtualHost(QueueHost):
    """A virtual host.

    :param wall_time: returns the time in seconds since 1970
    """

    def __init__(
        self,
        name: str,
        timers: Timers,
        store: Storage,
        wall_time: Callable[[], float],
        memory: Memory,
    ) -> None:
        self.name = name
        self.timers = timers
        self.store = store
        self.memory = memory
        self._wall_time = wall_time
        self.exchanges: dict[bytes, Exchange] = {}
        self.queues: dict[bytes, BaseQueue] = {}
        self.policies = Policies()
        self._router = Router(self.exchanges, self.queues)
        self._dead_lettering = DeadLettering(self.exchanges, self._router, wall_time)
        # For each destination the bindings that lead to it, with their sources.
        self._incoming: dict[Destination, dict[Binding, Exchange]] = {}
        for each, type_ in PREDECLARED.items():
            self.exchanges[each] = TYPES[type_](
                ExchangeDefinition(each, {}, internal=each == _TRACE)
            )

    def where(self, kind: str, name: bytes) -> str:
        """Return the description of an exchange or a queue in error messages."""
        return resource(kind, name, self.name)

    def exchange(self, name: bytes) -> Exchange:
        """Return an exchange.

        :raises Refusal: there is none of this name
        """
        exchange = self.exchanges.get(name)
        if exchange is None:
            raise Refusal(NOT_FOUND, f'no {self.where("exchange", name)}')
        return exchange

    def queue(self, name: bytes) -> BaseQueue:
        """Return a queue.

        :raises Refusal: there is none of this name
        """
        queue = self.queues.get(name)
        if queue is None:
            raise Refusal(NOT_FOUND, f'no {self.where("queue", name)}')
        return queue

    def wall_time(self) -> float:
        """Return the time in seconds since 1970."""
        return self._wall_time()

    # Topology

    def add_exchange(self, exchange: Exchange) -> None:
        """Add an exchange."""
        self.exchanges[exchange.name] = exchange
        self._apply_policy(exchange)
        if exchange.durable:
            self.store.add_exchange(self.name, exchange)

    def add_queue(self, queue: BaseQueue) -> None:
        """Add a queue."""
        self.queues[queue.name] = queue
        self._apply_policy(queue)
        queue.used()
        if _is_kept(queue):
            self.store.add_queue(self.name, queue)

    def bind(self, source: Exchange, binding: Binding) -> None:
        """Add a binding; without effect if the same binding exists."""
        if not source.bind(binding):
            return
        self._incoming.setdefault(binding.destination, {})[binding] = source
        if source.durable and _is_kept(binding.destination):
            self.store.add_binding(self.name, source, binding)

    def unbind(self, source: Exchange, key: BindingKey) -> None:
        """Remove a binding; without effect if there is none."""
        binding = source.bindings.get(key)
        if binding is None:
            return
        source.unbind(binding)
        self._forget_binding(source, binding)
        if _is_unused(source):
            self.delete_exchange(source)

    def delete_queue(self, queue: BaseQueue) -> int:
        """Delete a queue, and cancel its consumers; return the number of its ready messages."""
        if self.queues.get(queue.name) is not queue:
            return 0
        count = queue.message_count
        del self.queues[queue.name]
        queue.close()
        for consumer in queue.consumers:
            consumer.channel.consumer_cancelled(consumer)
        self.store.delete_queue(self.name, queue)
        for source in self._unbind_everywhere(queue):
            self.delete_exchange(source)
        return count

    def delete_exchange(self, exchange: Exchange) -> None:
        """Delete an exchange with its bindings, and the auto-delete exchanges unbound by this."""
        waiting = [exchange]
        while waiting:
            waiting += self._remove_exchange(waiting.pop())

    def _remove_exchange(self, exchange: Exchange) -> list[Exchange]:
        """Remove an exchange and its bindings; return the auto-delete exchanges now unbound."""
        if self.exchanges.pop(exchange.name, None) is None:
            return []
        for binding in list(exchange.bindings.values()):
            exchange.unbind(binding)
            self._forget_binding(exchange, binding)
        self.store.delete_exchange(self.name, exchange)
        return self._unbind_everywhere(exchange)

    def _unbind_everywhere(self, destination: Destination) -> list[Exchange]:
        """Remove the bindings of a destination; return the auto-delete exchanges now unbound."""
        unused: dict[Exchange, None] = {}
        for binding, source in self._incoming.pop(destination, {}).items():
            source.unbind(binding)
            self.store.delete_binding(self.name, source, binding)
            if _is_unused(source):
                unused[source] = None
        return list(unused)

    def _forget_binding(self, source: Exchange, binding: Binding) -> None:
        incoming = self._incoming.get(binding.destination)
        if incoming is not None:
            del incoming[binding]
            if not incoming:
                del self._incoming[binding.destination]
        self.store.delete_binding(self.name, source, binding)

    def forget_transient(self) -> None:
        """Delete transient messages, and queues and exchanges that are not durable."""
        for queue in list(self.queues.values()):
            if not _is_kept(queue):
                self.delete_queue(queue)
            else:
                queue.forget_transient()
        for exchange in list(self.exchanges.values()):
            if not exchange.durable:
                self.delete_exchange(exchange)

    # Policies

    def set_policy(self, policy: Policy) -> None:
        """Add or replace a policy."""
        self.policies.set(policy)
        self.store.set_policy(self.name, policy)
        self._apply_policies()

    def clear_policy(self, name: str) -> None:
        """Remove a policy."""
        self.policies.clear(name)
        self.store.clear_policy(self.name, name)
        self._apply_policies()

    def _apply_policies(self) -> None:
        for exchange in self.exchanges.values():
            self._apply_policy(exchange)
        for queue in self.queues.values():
            self._apply_policy(queue)

    def _apply_policy(self, subject: Destination) -> None:
        kind = subject.kind if isinstance(subject, BaseQueue) else None
        policy = self.policies.find(subject.name, kind)
        if policy is not None:
            subject.apply_policy(policy.name, policy.definition)
        elif subject.policy:
            subject.apply_policy('', {})

    # Messages

    def route(self, exchange: Exchange, message: BrokerMessage) -> list[BaseQueue]:
        """Return the queues that receive a message, each queue once."""
        return self._router.route(exchange, message)

    def store_message(self, entry: Entry) -> None:
        """Store a message; set `entry.stored`."""
        self.store.add_message(self.name, entry)

    def drop_message(self, entry: Entry) -> None:
        """Delete a message from the store."""
        self.store.remove_message(entry)

    def dead_letter(self, queue: BaseQueue, message: BrokerMessage, reason: Reason) -> None:
        """Publish a message to the dead-letter exchange of its queue."""
        self._dead_lettering.publish(queue, message, reason)


def _is_kept(subject: Destination) -> bool:
    """Whether an exchange or a queue survives a restart: it is durable and not exclusive."""
    return subject.durable and (isinstance(subject, Exchange) or subject.owner is None)


def _is_unused(exchange: Exchange) -> bool:
    """Whether an exchange is auto-delete and has no bindings."""
    return exchange.auto_delete and not exchange.bindings
