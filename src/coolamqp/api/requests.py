"""The calls that bring a message back: fetching one from a queue, and asking for a reply."""

from __future__ import annotations

from typing import Any, Generic

from coolamqp.api.commands import Commands, FutureT
from coolamqp.api.spans import with_context
from coolamqp.attaches.getter import Fetch
from coolamqp.attaches.requester import Request
from coolamqp.framing.text import Text, short_bytes
from coolamqp.objects import Message, Queue
from coolamqp.objects.topology import queue_name


class RequestCalls(Generic[FutureT]):
    """The part of a Cluster that brings single messages back."""

    _core: Commands[FutureT]

    def get(self, queue: Queue | Text, no_ack: bool = False) -> FutureT:
        """Fetch one message from a queue; to have them all, consuming costs less.

        :param queue: as an object or by name; it must be there
        :param no_ack: whether the broker forgets the message as soon as it is sent
        :returns: a future that ends with the `ReceivedMessage`, with None if the queue is empty, or
            with `AMQPError`
        """
        with self._core.traced('get', queue, kind='consumer') as traced:
            name = queue_name(queue)
            return self._core.command(
                lambda engine, promise: engine.fetch(name, Fetch(no_ack, promise)), traced
            )

    def call(self, body: Any, routing_key: Text, timeout: float | None = 30.0) -> FutureT:
        """Send a request to a queue, and have the reply, over RabbitMQ's direct reply-to.

        The receiver answers with `ReceivedMessage.reply`, or by publishing to the request's
        `reply_to` with its `correlation_id`. Any number of requests may be outstanding.

        :param body: of the request, or a `Message`, whose `reply_to` and `correlation_id` are set
        :param routing_key: name of the queue that takes requests
        :param timeout: how long to wait for the reply, in seconds; None for as long as it takes
        :returns: a future that ends with the reply, a `ReceivedMessage`; with `TimeoutError`; with
            `Returned` if there is no such queue; or with `ConnectionDead` if the connection was
            lost in between: nobody knows then whether the request was carried out

        >>> cluster.call(b'2 + 2', 'sums', timeout=5.0).result()  # doctest: +SKIP
        """
        with self._core.traced('call', routing_key) as traced:
            message = with_context(body if isinstance(body, Message) else Message(body), traced)
            key = short_bytes(routing_key, 'routing_key')
            check_timeout(timeout)
            return self._core.command(
                lambda engine, promise: engine.request(Request(message, key, timeout, promise)),
                traced,
            )


def check_timeout(timeout: float | None) -> None:
    """Refuse what is no number of seconds.

    :raises TypeError: it is not a number
    :raises ValueError: it is negative
    """
    if timeout is None:
        return
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(f'timeout must be a number of seconds or None, not {timeout!r}')
    if timeout < 0:
        raise ValueError(f'timeout must be 0 or more seconds, not {timeout!r}')
