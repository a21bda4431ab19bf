"""The interface of a store. It stores nothing itself, so a broker in memory uses it as it is."""

from __future__ import annotations

from coolamqp.broker.base_queue import BaseQueue
from coolamqp.broker.delivery import Entry
from coolamqp.broker.exchange import Binding, Exchange
from coolamqp.broker.policies import Policy


class Storage:
    """A store that stores nothing. A subclass stores its data at the latest in `commit`."""

    def add_vhost(self, name: str) -> None:
        """Store a virtual host."""

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with its contents."""

    def add_exchange(self, vhost: str, exchange: Exchange) -> None:
        """Store a durable exchange."""

    def delete_exchange(self, vhost: str, exchange: Exchange) -> None:
        """Delete an exchange."""

    def add_queue(self, vhost: str, queue: BaseQueue) -> None:
        """Store a durable queue."""

    def delete_queue(self, vhost: str, queue: BaseQueue) -> None:
        """Delete a queue with its messages."""

    def add_binding(self, vhost: str, source: Exchange, binding: Binding) -> None:
        """Store a binding with a durable source and a durable destination."""

    def delete_binding(self, vhost: str, source: Exchange, binding: Binding) -> None:
        """Delete a binding."""

    def set_policy(self, vhost: str, policy: Policy) -> None:
        """Store a policy."""

    def clear_policy(self, vhost: str, name: str) -> None:
        """Delete a policy."""

    def add_message(self, vhost: str, entry: Entry) -> None:
        """Store a persistent message in a durable queue; set `entry.stored`."""

    def remove_message(self, entry: Entry) -> None:
        """Delete a message."""

    def commit(self) -> None:
        """Write everything to the disk."""

    def close(self) -> None:
        """Write everything, and close the store."""
