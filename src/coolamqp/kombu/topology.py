"""The calls of a channel that declare, bind and delete, and those of transactions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from kombu.transport.base import to_rabbitmq_queue_arguments

from coolamqp.framing.definitions import (
    ExchangeBind,
    ExchangeDeclare,
    ExchangeDelete,
    ExchangeUnbind,
    QueueBind,
    QueueDeclare,
    QueueDelete,
    QueuePurge,
    QueueUnbind,
    TxCommit,
    TxRollback,
    TxSelect,
)
from coolamqp.framing.field_table import Arguments
from coolamqp.framing.method import Method
from coolamqp.kombu.messages import text


class QueueDeclared(NamedTuple):
    """The answer to `Channel.queue_declare`."""

    queue: str
    message_count: int
    consumer_count: int


class Topology(ABC):
    """A channel that declares, binds and deletes.

    Kombu passes None for some flags, which stands for False.
    """

    @abstractmethod
    def call(self, method: Method, *, nowait: bool = False) -> Any:
        """Send a method, and return its answer; None with `nowait`."""

    def exchange_declare(
        self,
        exchange: str,
        type: str,  # noqa: A002 - Kombu passes it by this name
        passive: bool = False,
        durable: bool = False,
        auto_delete: bool = True,
        nowait: bool = False,
        arguments: Arguments = None,
    ) -> None:
        """Declare an exchange."""
        method = ExchangeDeclare(
            exchange,
            type,
            bool(passive),
            bool(durable),
            bool(auto_delete),
            False,
            bool(nowait),
            arguments,
        )
        self.call(method, nowait=nowait)

    def exchange_delete(self, exchange: str, if_unused: bool = False, nowait: bool = False) -> None:
        """Delete an exchange."""
        self.call(ExchangeDelete(exchange, bool(if_unused), bool(nowait)), nowait=nowait)

    def exchange_bind(
        self,
        destination: str,
        source: str = '',
        routing_key: str = '',
        nowait: bool = False,
        arguments: Arguments = None,
    ) -> None:
        """Bind an exchange to another."""
        method = ExchangeBind(destination, source, routing_key, bool(nowait), arguments)
        self.call(method, nowait=nowait)

    def exchange_unbind(
        self,
        destination: str,
        source: str = '',
        routing_key: str = '',
        nowait: bool = False,
        arguments: Arguments = None,
    ) -> None:
        """Remove a binding between exchanges."""
        method = ExchangeUnbind(destination, source, routing_key, bool(nowait), arguments)
        self.call(method, nowait=nowait)

    def queue_declare(
        self,
        queue: str = '',
        passive: bool = False,
        durable: bool = False,
        exclusive: bool = False,
        auto_delete: bool = True,
        nowait: bool = False,
        arguments: Arguments = None,
    ) -> QueueDeclared | None:
        """Declare a queue; return its name and counts."""
        method = QueueDeclare(
            queue,
            bool(passive),
            bool(durable),
            bool(exclusive),
            bool(auto_delete),
            bool(nowait),
            arguments,
        )
        answer = self.call(method, nowait=nowait)
        if answer is None:
            return None
        return QueueDeclared(text(answer.queue), answer.message_count, answer.consumer_count)

    def queue_bind(
        self,
        queue: str,
        exchange: str = '',
        routing_key: str = '',
        nowait: bool = False,
        arguments: Arguments = None,
    ) -> None:
        """Bind a queue to an exchange."""
        self.call(QueueBind(queue, exchange, routing_key, bool(nowait), arguments), nowait=nowait)

    def queue_unbind(
        self,
        queue: str,
        exchange: str,
        routing_key: str = '',
        nowait: bool = False,
        arguments: Arguments = None,
    ) -> None:
        """Remove a binding of a queue. The protocol always answers it."""
        self.call(QueueUnbind(queue, exchange, routing_key, arguments))

    def queue_purge(self, queue: str = '', nowait: bool = False) -> int | None:
        """Remove the messages of a queue; return their number."""
        answer = self.call(QueuePurge(queue, bool(nowait)), nowait=nowait)
        return None if answer is None else int(answer.message_count)

    def queue_delete(
        self,
        queue: str = '',
        if_unused: bool = False,
        if_empty: bool = False,
        nowait: bool = False,
    ) -> int | None:
        """Delete a queue; return the number of its messages."""
        answer = self.call(
            QueueDelete(queue, bool(if_unused), bool(if_empty), bool(nowait)), nowait=nowait
        )
        return None if answer is None else int(answer.message_count)

    def prepare_queue_arguments(self, arguments: Any, **options: Any) -> Any:
        """Return the arguments of a queue, with Kombu's options by the names of RabbitMQ."""
        return to_rabbitmq_queue_arguments(arguments, **options)

    def tx_select(self) -> None:
        """Make the channel transactional."""
        self.call(TxSelect())

    def tx_commit(self) -> None:
        """Commit the transaction."""
        self.call(TxCommit())

    def tx_rollback(self) -> None:
        """Roll the transaction back."""
        self.call(TxRollback())
