"""The getter: it fetches single messages from one queue with basic.get.

Each queue has its own getter with its own channel. So an error about one queue does not affect the
fetched messages of others. The channel closes when the getter is idle and all messages are settled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.channeler import ST_ONLINE, Channeler, Dialogue, is_refusal_of
from coolamqp.attaches.delivery import Delivery, MessageOwner
from coolamqp.attaches.promise import Promise
from coolamqp.exceptions import AMQPError, CoolAMQPError
from coolamqp.framing.definitions import BasicGet, BasicGetEmpty
from coolamqp.framing.hot import Envelope
from coolamqp.framing.method import Method

# The channel closes after this many seconds without a fetch.
IDLE_SECONDS_MAX: Final = 5.0


@dataclass(eq=False)
class Fetch:
    """A request for one message."""

    no_ack: bool
    promise: Promise


class Getter(Channeler):
    """The attach that fetches messages from one queue.

    :param queue: the name of the queue
    :param dirty: the list of ledgers to flush
    :param on_idle: called when the getter closes its channel because it is idle
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
        self._fetches = 0  # since the start
        self._idle_check_due = False

    @property
    def busy(self) -> bool:
        """Whether a fetch waits for an answer or for a channel."""
        return bool(self._sent or self._waiting)

    def submit(self, fetch: Fetch) -> None:
        """Queue a fetch; it is sent as soon as there is a channel."""
        self._fetches += 1
        self._waiting.append(fetch)
        if self.channel is None:
            self.open()
        self._send_waiting()
        self._schedule_idle_check()

    def fail_all(self, error: Exception) -> None:
        """Fail all fetches."""
        fetches = [*self._sent, *self._waiting]
        self._sent.clear()
        self._waiting.clear()
        for fetch in fetches:
            self.effects.fail(fetch.promise, error)

    def _send_waiting(self) -> None:
        if self.state != ST_ONLINE or self.channel is None:
            return
        if self._ledger is not None:
            self._ledger.flush()  # A fetch may return a message that is requeued now.
        while self._waiting:
            fetch = self._waiting[0]
            fail = partial(self._fail, fetch)
            if not self.suspects.may_send(fetch, fail, self._send_waiting):
                return
            self._waiting.popleft()
            if fetch.promise.done():  # The program has cancelled it; the message would be lost.
                self.suspects.on_answer(fetch)
                continue
            self._sent.append(fetch)
            self.channel.call(BasicGet(self.queue, fetch.no_ack), self._on_answer)

    def _on_answer(self, answer: Method) -> None:
        """Handle `basic.get-empty`; `on_get_ok` handles an answer with a message."""
        if isinstance(answer, BasicGetEmpty):
            fetch = self._sent.popleft()
            self.effects.succeed(fetch.promise, None)
            self.suspects.on_answer(fetch)

    def on_get_ok(self, envelope: Envelope, properties: bytes, body: Any) -> None:
        """End a fetch with its message."""
        if not self._sent:
            super().on_get_ok(envelope, properties, body)
            return
        fetch = self._sent.popleft()
        ledger = None if fetch.no_ack else self._ledger
        if ledger is not None:
            ledger.enter(envelope.delivery_tag)
        self.counters.delivered += 1
        message = Delivery(envelope, properties, body, ledger, self._owner)
        self.effects.succeed(fetch.promise, message)
        self.suspects.on_answer(fetch)

    # The end of an idle channel

    def _schedule_idle_check(self) -> None:
        if not self._idle_check_due:
            self._idle_check_due = True
            fetches = self._fetches
            self.timers.after(IDLE_SECONDS_MAX, lambda: self._check_idle(fetches))

    def _check_idle(self, fetches: int) -> None:
        self._idle_check_due = False
        if fetches != self._fetches or self.busy or not self._all_settled():
            self._schedule_idle_check()
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
        """Send nothing: the channel needs no set-up."""
        yield from ()

    def on_online(self) -> None:
        """Send the waiting fetches."""
        if self.channel is not None:
            self._ledger = AckLedger(self.channel, self._dirty, self.counters)
            self._ledger.queue = self.queue
        self._send_waiting()

    def unanswered(self) -> list[object]:
        """Return the sent fetches."""
        return list(self._sent)

    def on_offline(self) -> None:
        """Queue unanswered fetches again, and void unsettled messages."""
        if self._ledger is not None:
            self._ledger.make_void()
        self._waiting.extendleft(reversed(self._sent))
        self._sent.clear()

    def on_channel_closed(self, error: AMQPError | None) -> None:
        """Fail the refused fetch, and resend the others."""
        sent = list(self._sent)
        self.go_offline('channel closed')
        self._fail_refused(sent, error)
        if self.busy and is_refusal_of(error, BasicGet()):
            self.open()
        elif self.busy:
            self.retry_later()
        self.report_set_up()

    def on_channel_lost(self, cause: Exception | None) -> None:
        """Fail the fetch that closed the connection, such as a fetch from a stream."""
        sent = list(self._sent)
        super().on_channel_lost(cause)
        self._fail_refused(sent, cause)

    def _fail_refused(self, sent: list[Fetch], cause: Exception | None) -> None:
        if sent and cause is not None and is_refusal_of(cause, BasicGet()):
            self._fail(sent[0], cause)
            self.suspects.on_answer(sent[0])

    def _fail(self, fetch: Fetch, error: Exception) -> None:
        self._waiting.remove(fetch)
        self.effects.fail(fetch.promise, error)

    def on_no_channel(self, error: CoolAMQPError) -> None:
        """Fail all fetches."""
        self.fail_all(error)
