"""The transaction for programs: it collects messages, and commits them together."""

from __future__ import annotations

from typing import Any, Generic

from coolamqp.api.commands import Commands, FutureT
from coolamqp.api.spans import with_context
from coolamqp.attaches.publication import Publication, publication_of
from coolamqp.attaches.transactor import Commit
from coolamqp.exceptions import CoolAMQPError
from coolamqp.framing.text import Text
from coolamqp.objects import Exchange, Message
from coolamqp.supervisor.engine import Engine


class TransactionCalls(Generic[FutureT]):
    """The messages of a transaction, until their commit or rollback.

    :param commands: the access to the engine of the Cluster
    """

    def __init__(self, commands: Commands[FutureT]) -> None:
        self._commands = commands
        self._messages: list[tuple[Message, Publication]] | None = []
        self._commit: Commit | None = None

    def publish(
        self,
        message: Message,
        exchange: Exchange | Text | None = None,
        routing_key: Text = '',
        *,
        mandatory: bool = False,
    ) -> None:
        """Add a message to the transaction. The commit publishes it.

        :param message: the message
        :param exchange: the exchange, as an object or by name; None is the default exchange
        :param routing_key: the routing key; for the default exchange, the name of a queue
        :param mandatory: whether the commit fails with `Returned` if the message reaches no queue;
            the broker then publishes the other messages nevertheless
        :raises CoolAMQPError: the transaction has ended
        :raises TypeError: an argument has the wrong type
        :raises ValueError: the exchange or the routing key is longer than 255 bytes
        """
        if self._messages is None:
            raise CoolAMQPError('this transaction has ended; begin another one')
        publication = publication_of(message, exchange, routing_key, mandatory)
        self._messages.append((message, publication))

    def commit(self) -> FutureT | None:
        """Publish all messages together, and end the transaction.

        :returns: a future that succeeds when the broker has published the messages; None if there
            are no messages
        """
        messages, self._messages = self._messages, None
        if not messages:
            return None

        def command(engine: Engine, promise: Any) -> None:
            self._commit = Commit([publication for _, publication in messages], promise)
            engine.commit(self._commit)

        count = str(len(messages))
        with self._commands.traced('commit', None, kind='producer', message_count=count) as span:
            if span is not None:
                for message, publication in messages:
                    publication.properties = with_context(message, span).properties.encoded
            return self._commands.command(command, span)

    def _give_up(self) -> None:
        """Stop waiting for the commit; CoolAMQP then does not send it any more."""
        if self._commit is not None:
            self._commit.wanted = False

    def roll_back(self) -> None:
        """Drop all messages, and end the transaction."""
        self._messages = None
