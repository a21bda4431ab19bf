"""The requester: requests and replies over direct reply-to.

RabbitMQ requires that requests go out on the channel that consumes the pseudo-queue of replies
(https://www.rabbitmq.com/docs/direct-reply-to). The correlation id connects a reply with its
request. When the channel closes, the outstanding replies are lost.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import partial
from logging import DEBUG
from typing import Any, Final

from coolamqp.attaches.channeler import ST_ONLINE, ST_SYNCING, Channeler, Dialogue
from coolamqp.attaches.delivery import Delivery, MessageOwner
from coolamqp.attaches.promise import Promise
from coolamqp.attaches.publication import Publication, properties_too_large
from coolamqp.attaches.returns import returned
from coolamqp.exceptions import AMQPError, ConnectionDead, CoolAMQPError
from coolamqp.framing.definitions import BasicConsume, BasicReturn
from coolamqp.framing.hot import Envelope
from coolamqp.framing.text import text_bytes
from coolamqp.log_events import LogEvent
from coolamqp.objects import Message, ReceivedMessage
from coolamqp.timers import Timer

REPLY_TO: Final = b'amq.rabbitmq.reply-to'


@dataclass(eq=False)
class Request:
    """A message that needs a reply.

    :ivar timeout: the time to wait for the reply, in seconds; None for no limit
    :ivar timer: the timer of this timeout, once the request is submitted
    """

    message: Message
    routing_key: bytes
    timeout: float | None
    promise: Promise
    timer: Timer | None = field(default=None, init=False)


class Requester(Channeler):
    """The attach that sends requests and receives their replies. Any number may be outstanding."""

    def __init__(self, owner: MessageOwner) -> None:
        super().__init__()
        self._owner = owner
        self.requests = 0  # since the start
        self._requests: dict[bytes, Request] = {}  # all unanswered requests, by correlation id
        self._waiting: deque[bytes] = deque()  # the correlation ids of the unsent requests

    @property
    def busy(self) -> bool:
        """Whether a reply is outstanding whose promise has not ended."""
        return not all(request.promise.done() for request in self._requests.values())

    def submit(self, request: Request) -> None:
        """Queue a request; it is sent as soon as there is a channel."""
        self.requests += 1
        number = b'%d' % self.requests
        self._requests[number] = request
        if request.timeout is not None:
            request.timer = self.timers.after(
                request.timeout, partial(self._expire, number, request.timeout)
            )
        self._waiting.append(number)
        if self.channel is None:
            self.open()
        self._send_waiting()

    def fail_all(self, error: Exception) -> None:
        """Fail all requests."""
        self._waiting.clear()
        for number in list(self._requests):
            self._fail(number, error)

    def _send_waiting(self) -> None:
        channel, connection = self.channel, self.connection
        if channel is None or connection is None or self.state != ST_ONLINE:
            return
        while self._waiting:
            number = self._waiting.popleft()
            request = self._requests.get(number)
            if request is None:  # It has expired.
                continue
            if request.promise.done():  # The program has cancelled it.
                self._take(number)
                continue
            publication = _publication(request, number)
            if publication.fits(connection.limits.frame_max):
                publication.send(channel)
            else:
                self._fail(number, properties_too_large(connection.limits.frame_max))

    def _expire(self, number: bytes, timeout: float) -> None:
        self._fail(number, TimeoutError(f'no reply within {timeout} s'))

    def _fail(self, number: bytes, error: Exception) -> None:
        request = self._take(number)
        if request is not None:
            self.effects.fail(request.promise, error)

    def _take(self, number: bytes) -> Request | None:
        """Remove a request, and return it; None if it has ended."""
        request = self._requests.pop(number, None)
        if request is not None and request.timer is not None:
            self.timers.cancel(request.timer)
        return request

    # The channel

    def set_up(self) -> Dialogue:
        """Consume replies."""
        yield BasicConsume(REPLY_TO, b'', no_ack=True)

    def on_online(self) -> None:
        """Send the waiting requests."""
        self._send_waiting()

    def on_delivery(self, envelope: Envelope, properties: bytes, body: Any) -> None:
        """End a request with its reply."""
        reply = Delivery(envelope, properties, body, None, self._owner)
        request = self._take(_correlation_id(reply))
        if request is None:
            self.effects.log(
                LogEvent.REPLY_DROPPED,
                'CoolAMQP has dropped a reply: nobody waits for it any more',
                DEBUG,
            )
        else:
            self.effects.succeed(request.promise, reply)

    def on_return(self, method: BasicReturn, properties: bytes, body: Any) -> None:
        """Fail a returned request."""
        self.counters.returned += 1
        error = returned(method, properties, body)
        self._fail(_correlation_id(error.message), error)

    def on_channel_closed(self, error: AMQPError | None) -> None:
        """Fail the sent requests, whose replies are lost; all if the set-up was refused."""
        fail = self.fail_all if self.state == ST_SYNCING else self._fail_sent
        self.go_offline('channel closed')
        fail(error or ConnectionDead('the channel closed before the reply came; call again'))
        if self._waiting:
            self.retry_later()
        self.report_set_up()

    def on_channel_lost(self, cause: Exception | None) -> None:
        """Fail the sent requests, whose replies are lost."""
        super().on_channel_lost(cause)
        self._fail_sent(ConnectionDead(f'the connection was lost before the reply came: {cause}'))

    def _fail_sent(self, error: Exception) -> None:
        waiting = set(self._waiting)
        for number in [each for each in self._requests if each not in waiting]:
            self._fail(number, error)

    def on_no_channel(self, error: CoolAMQPError) -> None:
        """Fail all requests."""
        self.fail_all(error)


def _correlation_id(message: ReceivedMessage) -> bytes:
    return text_bytes(message.properties.correlation_id or b'', 'correlation_id')


def _publication(request: Request, number: bytes) -> Publication:
    properties = request.message.properties.replace(reply_to=REPLY_TO, correlation_id=number)
    message = Message(request.message.body, properties)
    return Publication(message, b'', request.routing_key, mandatory=True)
