"""Transactions: messages that are published together, or not at all (class tx of the protocol).

The messages of a transaction are kept until it is committed, and sent with the commit in one go;
so there is nothing to roll back at the broker when a program thinks better of it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from coolamqp.attaches.channeler import ST_ONLINE, Channeler, Dialogue
from coolamqp.attaches.promise import Promise
from coolamqp.attaches.publication import Publication
from coolamqp.attaches.returns import returned
from coolamqp.exceptions import AMQPError, ConnectionDead, CoolAMQPError, Returned
from coolamqp.framing.definitions import BasicReturn, TxCommit, TxSelect
from coolamqp.framing.method import Method
from coolamqp.uplink.channel import Channel


@dataclass(eq=False)
class Commit:
    """The messages of a transaction that is to be committed.

    :ivar wanted: whether anybody still waits for it; if not, it is not begun any more
    """

    publications: list[Publication]
    promise: Promise
    returned: Returned | None = None
    wanted: bool = True


class Transactor(Channeler):
    """Commits transactions, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[Commit] = deque()
        self._sent: Commit | None = None

    @property
    def busy(self) -> bool:
        """Whether a transaction is not committed yet."""
        return self._sent is not None or bool(self._waiting)

    def submit(self, commit: Commit) -> None:
        """Commit a transaction as soon as there is a channel, and those before are done."""
        self._waiting.append(commit)
        self._send_next()

    def fail_all(self, error: Exception) -> None:
        """End everything that waits."""
        self._fail_sent(error)
        while self._waiting:
            self.effects.fail(self._waiting.popleft().promise, error)

    def _send_next(self) -> None:
        channel, connection = self.channel, self.connection
        if channel is None or connection is None or self.state != ST_ONLINE:
            return
        while self._sent is None and self._waiting:
            commit = self._waiting.popleft()
            if not commit.wanted or commit.promise.done():
                self.effects.fail(commit.promise, TimeoutError('it was given up before'))
            elif not all(each.fits(connection.limits.frame_max) for each in commit.publications):
                error = ValueError('the properties of a message do not fit into one frame')
                self.effects.fail(commit.promise, error)
            else:
                self._send(commit, channel)

    def _send(self, commit: Commit, channel: Channel) -> None:
        self._sent = commit
        for publication in commit.publications:
            publication.send(channel)
        channel.call(TxCommit(), self._on_committed)

    def _on_committed(self, answer: Method) -> None:
        commit, self._sent = self._sent, None
        if commit is not None:
            if commit.returned is None:
                self.effects.succeed(commit.promise)
            else:
                self.effects.fail(commit.promise, commit.returned)
        self._send_next()

    def _fail_sent(self, error: Exception) -> None:
        commit, self._sent = self._sent, None
        if commit is not None:
            self.effects.fail(commit.promise, error)

    # The channel

    def set_up(self) -> Dialogue:
        """Have the channel transactional."""
        yield TxSelect()

    def on_online(self) -> None:
        """Commit what has waited."""
        self._send_next()

    def on_return(self, method: BasicReturn, properties: bytes, body: Any) -> None:
        """Take a mandatory message that came back as its transaction was committed."""
        if self._sent is None:
            super().on_return(method, properties, body)
        elif self._sent.returned is None:
            self._sent.returned = returned(method, properties, body)

    def on_channel_closed(self, error: AMQPError | None) -> None:
        """Fail the transaction that was refused; nothing of it was published."""
        refused = self._sent is not None
        if error is not None:
            (self._fail_sent if refused else self.fail_all)(error)
        self.go_offline('channel closed')
        if refused:
            self.open()
        else:
            self.retry_later()
        self.attempted()

    def on_channel_lost(self, cause: Exception | None) -> None:
        """Fail the transaction whose commit was not answered: nobody knows what became of it."""
        super().on_channel_lost(cause)
        self._fail_sent(
            ConnectionDead(f'the connection was lost in the middle of a commit: {cause}')
        )

    def on_no_channel(self, error: CoolAMQPError) -> None:
        """Say so to those who wait."""
        self.fail_all(error)
