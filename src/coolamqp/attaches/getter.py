"""Fetching single messages from one queue (basic.get), on a channel of their own.

A queue has a getter of its own, so that what the broker refuses for one queue costs the messages
of no other. The channel is closed when nothing has been fetched for a while and all is settled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.channeler import ST_ONLINE, Channeler, Dialogue, is_refusal_of
from coolamqp.attaches.delivery import Delivery, MessageOwner
from coolamqp.attaches.promise import Promise
from coolamqp.exceptions import AMQPError, CoolAMQPError
from coolamqp.framing.definitions import BasicGet, BasicGetEmpty
from coolamqp.framing.hot import Envelope
from coolamqp.framing.method import Method

# How long the channel is kept when nothing is fetched, in seconds.
IDLE_LIFETIME: Final = 5.0


@dataclass(eq=False)
class Fetch:
    """A message that is wanted."""

    no_ack: bool
    promise: Promise


class Getter(Channeler):
    """Fetches from one queue.

    :param queue: its name
    :param dirty: where its ledgers go when they have something to flush
    :param on_idle: called when it is not needed any more, and its channel is being closed
    """

    def __init__(
        self,
        queue: bytes,
        owner: MessageOwner,
        dirty: list[AckLedger],
        on_idle: Callable[[Getter], None],
    ) -> None:
        super().__init__()
        self.queue = queue
        self._owner = owner
        self._dirty = dirty
        self._on_idle = on_idle
        self._ledger: AckLedger | None = None
        self._waiting: deque[Fetch] = deque()
        self._sent: deque[Fetch] = deque()
        self._fetched = 0  # in all, to see whether anything has happened
        self._watched = False

    @property
    def busy(self) -> bool:
        """Whether an answer is outstanding."""
        return bool(self._sent or self._waiting)

    def submit(self, fetch: Fetch) -> None:
        """Fetch a message as soon as there is a channel."""
        self._fetched += 1
        self._waiting.append(fetch)
        if self.channel is None:
            self.open()
        self._send_waiting()
        self._watch()

    def fail_all(self, error: Exception) -> None:
        """End everything that waits."""
        fetches = [*self._sent, *self._waiting]
        self._sent.clear()
        self._waiting.clear()
        for fetch in fetches:
            self.effects.fail(fetch.promise, error)

    def _send_waiting(self) -> None:
        if self.state != ST_ONLINE or self.channel is None:
            return
        if self._ledger is not None:
            self._ledger.flush()  # what was put back before may be what is fetched now
        while self._waiting:
            fetch = self._waiting.popleft()
            if fetch.promise.done():  # it was cancelled, and its message would be lost
                continue
            self._sent.append(fetch)
            self.channel.call(BasicGet(self.queue, fetch.no_ack), self._on_answer)

    def _on_answer(self, answer: Method) -> None:
        """Take an empty answer; one with a message is followed by its content."""
        if isinstance(answer, BasicGetEmpty):
            self.effects.succeed(self._sent.popleft().promise, None)

    def on_get_ok(self, envelope: Envelope, properties: bytes, body: Any) -> None:
        """Take the message that was fetched."""
        if not self._sent:
            super().on_get_ok(envelope, properties, body)
        fetch = self._sent.popleft()
        ledger = None if fetch.no_ack else self._ledger
        if ledger is not None:
            ledger.enter(envelope.delivery_tag)
        message = Delivery(envelope, properties, body, ledger, self._owner)
        self.effects.succeed(fetch.promise, message)

    # Not longer than needed

    def _watch(self) -> None:
        if not self._watched:
            self._watched = True
            fetched = self._fetched
            self.timers.after(IDLE_LIFETIME, lambda: self._look(fetched))

    def _look(self, fetched: int) -> None:
        self._watched = False
        if fetched != self._fetched or self.busy or not self._all_settled():
            self._watch()
            return
        self._on_idle(self)
        if self.channel is not None:
            if self._ledger is not None:
                self._ledger.flush()
            self.channel.close()

    def _all_settled(self) -> bool:
        return self._ledger is None or self._ledger.settled

    # The channel

    def set_up(self) -> Dialogue:
        """Need nothing."""
        yield from ()

    def on_online(self) -> None:
        """Send what has waited."""
        if self.channel is not None:
            self._ledger = AckLedger(self.channel, self._dirty)
        self._send_waiting()

    def on_offline(self) -> None:
        """Have what was not answered asked again; void what is not settled."""
        if self._ledger is not None:
            self._ledger.make_void()
        self._waiting.extendleft(reversed(self._sent))
        self._sent.clear()

    def on_channel_closed(self, error: AMQPError | None) -> None:
        """Fail the fetch that was refused; the others are sent again."""
        sent = list(self._sent)
        self.go_offline('channel closed')
        self._fail_refused(sent, error)
        if self.busy:
            self.open()
        self.attempted()

    def on_channel_lost(self, cause: Exception | None) -> None:
        """Fail the fetch that the connection was closed for: of a stream, say, which has no get."""
        sent = list(self._sent)
        super().on_channel_lost(cause)
        self._fail_refused(sent, cause)

    def _fail_refused(self, sent: list[Fetch], cause: Exception | None) -> None:
        if sent and cause is not None and is_refusal_of(cause, BasicGet()):
            self._waiting.remove(sent[0])
            self.effects.fail(sent[0].promise, cause)

    def on_no_channel(self, error: CoolAMQPError) -> None:
        """Say so to those who wait."""
        self.fail_all(error)
