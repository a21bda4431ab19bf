"""The calls for single messages: fetch one from a queue, and send a request for a reply."""

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
    """The calls of a Cluster for single messages."""

    _core: Commands[FutureT]

    def get(self, queue: Queue | Text, no_ack: bool = False) -> FutureT:
        """Fetch one message from a queue. For many messages, consuming is faster.

        :param queue: the queue, as an object or by name; it must exist
        :param no_ack: whether the broker regards the message as acknowledged when it sends the
            message
        :returns: a future that ends with the `ReceivedMessage`, with None if the queue is empty, or
            with `AMQPError` if the broker refuses
        :raises ValueError: the queue is anonymous
        :raises RuntimeError: the Cluster is not started
        :raises ConnectionDead: the Cluster is shut down

        >>> message = cluster.get('tasks').result()  # doctest: +SKIP
        """
        with self._core.traced('get', queue, kind='consumer') as traced:
            name = queue_name(queue)
            return self._core.command(
                lambda engine, promise: engine.fetch(name, Fetch(no_ack, promise)), traced
            )

    def call(self, body: Any, routing_key: Text, timeout: float | None = 30.0) -> FutureT:
        """Send a request to a queue, and receive the reply over RabbitMQ's direct reply-to.

        The receiver replies with `ReceivedMessage.reply`. Other clients publish the reply to the
        `reply_to` of the request, with its `correlation_id`. Any number of requests may be
        outstanding.

        :param body: the body of the request, or a `Message`; CoolAMQP sets its `reply_to` and
            `correlation_id`
        :param routing_key: the name of the queue for the requests
        :param timeout: the time to wait for the reply, in seconds; None for no limit
        :returns: a future that ends with the reply, a `ReceivedMessage`. It ends with
            `TimeoutError` after the timeout, with `Returned` if the queue does not exist, and with
            `ConnectionDead` if the connection is lost before the reply; the receiver may then have
            carried out the request or not
        :raises TypeError: an argument has the wrong type
        :raises ValueError: the timeout is negative, or the name is longer than 255 bytes
        :raises RuntimeError: the Cluster is not started
        :raises ConnectionDead: the Cluster is shut down

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
    """Check a timeout, in seconds; None means no limit.

    :raises TypeError: it is no number
    :raises ValueError: it is negative
    """
    if timeout is None:
        return
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(f'timeout must be a number of seconds or None, not {timeout!r}')
    if timeout < 0:
        raise ValueError(f'timeout must be 0 or more seconds, not {timeout!r}')
