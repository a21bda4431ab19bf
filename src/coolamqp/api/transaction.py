"""A transaction as programs see it: messages collected here, and committed together."""

from __future__ import annotations

from typing import Any, Generic

from coolamqp.api.commands import Commands, FutureT
from coolamqp.attaches.publication import Publication, publication_of
from coolamqp.attaches.transactor import Commit
from coolamqp.exceptions import CoolAMQPError
from coolamqp.framing.text import Text
from coolamqp.objects import Exchange, Message
from coolamqp.supervisor.engine import Engine


class TransactionCalls(Generic[FutureT]):
    """Collects messages until they are committed or forgotten.

    :param commands: the Cluster
    """

    def __init__(self, commands: Commands[FutureT]) -> None:
        self._commands = commands
        self._publications: list[Publication] | None = []
        self._commit: Commit | None = None

    def publish(
        self,
        message: Message,
        exchange: Exchange | Text | None = None,
        routing_key: Text = '',
        *,
        mandatory: bool = False,
    ) -> None:
        """Have a message published when the transaction is committed.

        :param message: what to publish
        :param exchange: as an object or by name; None is the default exchange
        :param routing_key: for the default exchange the name of a queue
        :param mandatory: whether the commit fails with `Returned` if no queue takes this message;
            the others are published then nevertheless
        :raises CoolAMQPError: the transaction has ended
        """
        if self._publications is None:
            raise CoolAMQPError('this transaction has ended; begin another one')
        publication = publication_of(message, exchange, routing_key, mandatory)
        self._publications.append(publication)

    def commit(self) -> FutureT | None:
        """Publish everything, and end; a future, or None if there is nothing to publish."""
        publications, self._publications = self._publications, None
        if not publications:
            return None

        def command(engine: Engine, promise: Any) -> None:
            self._commit = Commit(publications, promise)
            engine.commit(self._commit)

        return self._commands.command(command)

    def _give_up(self) -> None:
        """Have it not committed any more, if it has not been sent yet."""
        if self._commit is not None:
            self._commit.wanted = False

    def roll_back(self) -> None:
        """Publish nothing, and end."""
        self._publications = None
