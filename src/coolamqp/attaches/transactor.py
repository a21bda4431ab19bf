"""The transactor: it publishes messages together or not at all (class tx of the protocol).

CoolAMQP keeps the messages of a transaction until the commit, and sends them with the commit. So
the broker has nothing to roll back if a program rolls back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from coolamqp.attaches.channeler import ST_ONLINE, Channeler, Dialogue
from coolamqp.attaches.promise import Promise
from coolamqp.attaches.publication import Publication, properties_too_large
from coolamqp.attaches.returns import returned
from coolamqp.exceptions import AMQPError, ConnectionDead, CoolAMQPError, Returned
from coolamqp.framing.definitions import BasicReturn, TxCommit, TxSelect
from coolamqp.framing.method import Method
from coolamqp.uplink.channel import Channel


@dataclass(eq=False)
class Commit:
    """The messages of a transaction to commit.

    :ivar returned: the first message that the broker has returned
    :ivar wanted: False if the program has stopped waiting; the commit then fails if it is not sent
    """

    publications: list[Publication]
    promise: Promise
    returned: Returned | None = None
    wanted: bool = True


class Transactor(Channeler):
    """The attach that commits transactions, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[Commit] = deque()
        self._sent: Commit | None = None

    @property
    def busy(self) -> bool:
        """Whether a commit waits for an answer or for a channel."""
        return self._sent is not None or bool(self._waiting)

    def submit(self, commit: Commit) -> None:
        """Queue a commit; it is sent when there is a channel and earlier commits are done."""
        self._waiting.append(commit)
        if self.channel is None:
            self.open()
        self._send_next()

    def fail_all(self, error: Exception) -> None:
        """Fail all commits."""
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
                error = TimeoutError('the program had given up the transaction before its commit')
                self.effects.fail(commit.promise, error)
            elif not all(each.fits(connection.limits.frame_max) for each in commit.publications):
                too_large = properties_too_large(connection.limits.frame_max)
                self.effects.fail(commit.promise, too_large)
            else:
                self._send(commit, channel)

    def _send(self, commit: Commit, channel: Channel) -> None:
        self._sent = commit
        self.counters.committed += len(commit.publications)
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
        """Enable transactions on the channel."""
        yield TxSelect()

    def on_online(self) -> None:
        """Send the first waiting commit."""
        self._send_next()

    def on_return(self, method: BasicReturn, properties: bytes, body: Any) -> None:
        """Record the first returned message of the transaction."""
        if self._sent is None:
            super().on_return(method, properties, body)
            return
        self.counters.returned += 1
        if self._sent.returned is None:
            self._sent.returned = returned(method, properties, body)

    def on_channel_closed(self, error: AMQPError | None) -> None:
        """Fail the refused transaction; the broker has published none of its messages."""
        refused = self._sent is not None
        if refused:
            what = 'the channel closed in the middle of a commit: its messages are published or not'
            self._fail_sent(error or ConnectionDead(what))
        elif error is not None:
            self.fail_all(error)
        self.go_offline('channel closed')
        if refused:
            self.open()
        elif self._waiting:
            self.retry_later()
        self.report_set_up()

    def on_channel_lost(self, cause: Exception | None) -> None:
        """Fail the transaction whose commit has no answer: it may be published or not."""
        super().on_channel_lost(cause)
        self._fail_sent(
            ConnectionDead(
                f'the connection was lost in the middle of a commit, and the messages may be '
                f'published or not: {cause}'
            )
        )

    def on_no_channel(self, error: CoolAMQPError) -> None:
        """Fail all commits."""
        self.fail_all(error)
