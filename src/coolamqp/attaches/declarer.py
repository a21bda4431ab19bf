"""The declarer: the channel for declarations, bindings, purges and deletions.

The declarer sends operations without waiting for the answers to earlier ones. RabbitMQ answers in
order. When it refuses an operation, it closes the channel and ignores the following operations. So
the first unanswered operation is the refused one, and the declarer resends the others.
"""

from __future__ import annotations

from collections import deque
from functools import partial

from coolamqp.attaches.channeler import (
    ST_ONLINE,
    Channeler,
    Dialogue,
    check_sendable,
    is_refusal_of,
)
from coolamqp.attaches.operation import Operation
from coolamqp.exceptions import AMQPError, ConnectionDead, CoolAMQPError
from coolamqp.framing.method import Method


class Declarer(Channeler):
    """The attach that carries out operations in order, and resends them after a lost channel."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[Operation] = deque()
        self._sent: deque[Operation] = deque()

    def submit(self, operation: Operation) -> None:
        """Queue an operation; it is sent as soon as there is a channel."""
        self._waiting.append(operation)
        self._send_waiting()

    def submit_first(self, operations: list[Operation]) -> None:
        """Queue operations in front of all others."""
        self._waiting.extendleft(reversed(operations))
        self._send_waiting()

    def withdraw(self, operations: list[Operation]) -> None:
        """Remove those of the operations that are not sent yet, without calling `on_done`."""
        self._waiting = deque(each for each in self._waiting if each not in operations)

    @property
    def busy(self) -> bool:
        """Whether an operation waits for an answer or for a channel."""
        return bool(self._sent or self._waiting)

    def fail_all(self, error: Exception) -> None:
        """Fail all operations."""
        operations = [*self._sent, *self._waiting]
        self._sent.clear()
        self._waiting.clear()
        for operation in operations:
            operation.on_done(error, None)

    def _send_waiting(self) -> None:
        if self.state != ST_ONLINE or self.channel is None:
            return
        while self._waiting:
            operation = self._waiting[0]
            fail = partial(self._fail, operation)
            if not self.suspects.may_send(operation, fail, self._send_waiting):
                return
            self._waiting.popleft()
            try:
                for method in operation.methods:
                    check_sendable(method, self.connection)
            except (TypeError, ValueError) as error:
                operation.on_done(error, None)
                continue
            self._sent.append(operation)
            for method in operation.methods:
                self.channel.call(method, self._on_answer)

    def _on_answer(self, answer: Method) -> None:
        operation = self._sent[0]
        operation.answered += 1
        if operation.answered == len(operation.methods):
            self._sent.popleft()
            operation.on_done(None, answer)
            self.suspects.on_answer(operation)

    # The channel

    def set_up(self) -> Dialogue:
        """Send nothing: the channel needs no set-up."""
        yield from ()

    def on_online(self) -> None:
        """Send the waiting operations."""
        self._send_waiting()

    def unanswered(self) -> list[object]:
        """Return the sent operations that will be sent again."""
        return [operation for operation in self._sent if operation.repeatable]

    def on_offline(self) -> None:
        """Queue unanswered operations again, each from its first method."""
        for operation in self._sent:
            operation.answered = 0
        self._waiting.extendleft(reversed(self._sent))
        self._sent.clear()

    def on_channel_closed(self, error: AMQPError | None) -> None:
        """Fail the refused operation, and resend the others."""
        refused = self._sent.popleft() if error is not None and self._sent else None
        self.go_offline('channel closed')
        if refused is not None and error is not None:
            refused.on_done(error, None)
            self.suspects.on_answer(refused)
            self.open()
        else:
            self.retry_later()

    def on_channel_lost(self, cause: Exception | None) -> None:
        """Fail the operation that closed the connection, and sent ones that are not repeatable."""
        sent = list(self._sent)
        unanswered = sent[0].methods[sent[0].answered] if sent else None
        super().on_channel_lost(cause)
        if sent and cause is not None and is_refusal_of(cause, unanswered):
            self._fail(sent.pop(0), cause)
        for operation in sent:
            if not operation.repeatable:
                what = (
                    f'the connection was lost before the answer came, and the broker may have '
                    f'carried out the call or not: {cause}'
                )
                self._fail(operation, ConnectionDead(what))

    def _fail(self, waiting: Operation, error: Exception) -> None:
        self._waiting.remove(waiting)
        waiting.on_done(error, None)

    def on_no_channel(self, error: CoolAMQPError) -> None:
        """Fail all operations, and try again later."""
        self.fail_all(error)
        self.retry_later()
