"""The consumer for programs: its options, its hooks, and its cancellation.

`Cluster.consume` makes one. A program may also make one by itself, and may subclass it. Its
`Subscription` speaks the protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coolamqp.attaches.consumer_options import (
    STOP_TIMEOUT,
    BodyReceiveMode,
    OnError,
    batch_options,
    check_effect,
    checked_on_error,
    checked_workers,
    chosen_prefetch,
    consume_arguments,
    consumed_queue,
    prefetch_count,
    warn_of_no_effect,
)
from coolamqp.attaches.mailbox import Mailbox
from coolamqp.attaches.promise import Ended, Promise
from coolamqp.attaches.subscription import Subscription
from coolamqp.compat import check_span, consumer_takes_both_orders
from coolamqp.framing.field_table import Arguments
from coolamqp.framing.frames import AMQPFrame
from coolamqp.framing.method import Method
from coolamqp.framing.text import Text, name_bytes
from coolamqp.objects import Callable as CallableList
from coolamqp.objects import Queue


class Consumer:
    """A receiver for the messages of a queue. It continues across reconnects.

    :param queue: the queue. CoolAMQP declares it, with its exchange and binding, before it
        consumes. CoolAMQP does not declare a queue that is given by its name only
    :param on_message: the callback for each `ReceivedMessage`. Dispatcher threads of the Cluster
        call it in the order of the messages. With None, messages come from `Cluster.drain`
    :param no_ack: whether the broker regards a message as acknowledged when it sends the message
    :param qos: the prefetch count in messages (0 for no limit), or (None, count)
    :param cancel_on_failure: whether the loss of the connection cancels the consumer
    :param future_to_notify: a future to end when consuming begins or fails
    :param fail_on_first_time_resource_locked: whether the consumer fails at once if another
        connection has locked the queue; otherwise CoolAMQP tries again for two heartbeat intervals,
        in which the broker notices the end of an older connection
    :param body_receive_mode: the type of the bodies, see `BodyReceiveMode`
    :param arguments: the arguments of `basic.consume`, such as ``x-stream-offset``
    :param prefetch: another name for `qos`. It needs `no_ack=False`
    :param exclusive: whether to refuse other consumers of the queue
    :param no_local: a flag of AMQP that RabbitMQ ignores
    :param priority: the priority of the consumer; the broker sends messages to the consumers of the
        highest priority first
    :param consumer_tag: the name of the consumer; with None, CoolAMQP chooses one
    :param workers: the number of callbacks that may run at the same time. With more than one, the
        callbacks do not keep the order of the messages
    :param inline: whether `on_message` runs on the thread that reads from the connection. It must
        then be quick, and must not wait
    :param on_error: the treatment of an unsettled message whose callback raises: 'requeue' it,
        'reject' it, 'retry' it after the next of the `retry_delays` of the queue, or 'keep' it
        unsettled until the channel closes
    :param declare: whether to declare the queue. With False, CoolAMQP consumes a queue that others
        have declared, and never creates it. A declaration with `persistent=True` is still repeated
    :param passive: whether to check only that the queue exists, instead of declaring it
    :param batch: the number of messages that `on_message` receives together, as a `Batch`; None for
        one message at a time. The default prefetch count is then twice this number
    :param within: how long the first message of a batch waits for the others, in seconds; by
        default 0.5
    :param span: the span of the program that the spans of the callbacks belong to
    :raises TypeError: an argument has the wrong type
    :raises ValueError: an argument has an impossible value, or would have no effect
    :ivar on_cancel: a list of functions. CoolAMQP calls each once, when the consumer ends for good
    :ivar on_broker_cancel: a list of functions. CoolAMQP calls each once, when the broker cancels
        the consumer

    >>> consumer = Consumer(Queue('tasks', durable=True), print, no_ack=False, prefetch=10)
    >>> cluster.add_consumer(consumer).result()  # doctest: +SKIP
    """

    @consumer_takes_both_orders
    def __init__(
        self,
        queue: Queue | Text,
        on_message: Callable[[Any], Any] | None,
        span: Any = None,
        no_ack: bool = True,
        qos: int | tuple[int | None, int] | None = None,
        cancel_on_failure: bool = False,
        future_to_notify: Promise | None = None,
        fail_on_first_time_resource_locked: bool = False,
        body_receive_mode: int = BodyReceiveMode.BYTES,
        arguments: Arguments = None,
        *,
        prefetch: int | None = None,
        exclusive: bool = False,
        no_local: bool = False,
        priority: int | None = None,
        consumer_tag: Text | None = None,
        workers: int = 1,
        inline: bool = False,
        on_error: OnError = 'keep',
        declare: bool = True,
        passive: bool = False,
        batch: int | None = None,
        within: float | None = None,
    ) -> None:
        self.queue = consumed_queue(queue, declare, passive)
        self.declare = declare and not passive and self.queue is queue  # else, it is a name
        self.passive = passive
        check_span(span)
        if on_message is not None and not callable(on_message):
            raise TypeError(f'on_message must be a function or None, not {on_message!r}')
        if inline and on_message is None:
            raise ValueError('inline needs an on_message; pass one, or leave out inline')
        wants_frames = type(self).on_delivery is not Consumer.on_delivery
        checked_workers(workers, inline)
        if wants_frames and workers > 1:
            raise ValueError(
                'a class that overrides on_delivery receives frames in order; leave out workers'
            )
        self.no_ack = no_ack
        self.cancel_on_failure = cancel_on_failure
        self.fail_on_first_time_resource_locked = fail_on_first_time_resource_locked
        self.body_receive_mode = BodyReceiveMode(body_receive_mode)
        self.exclusive = exclusive
        self.no_local = no_local
        self.on_cancel = CallableList(oneshots=True)
        self.on_broker_cancel = CallableList(oneshots=True)
        calls = on_message is not None
        count = chosen_prefetch(qos, prefetch)
        batch_size, batch_seconds, count = batch_options(batch, within, count, calls)
        if batch_size and wants_frames:
            raise ValueError('a class that overrides on_delivery receives frames; leave out batch')
        self.arguments = consume_arguments(arguments, priority)
        checked_on_error(on_error, self.queue)
        check_effect(no_ack, qos, prefetch, on_error, workers, calls)
        own_tag = None if consumer_tag is None else name_bytes(consumer_tag, 'consumer_tag')
        self._mailbox = Mailbox(
            self.queue, on_message, workers, bool(inline), on_error, batch_size, batch_seconds
        )
        self._mailbox.span = span
        self._subscription = Subscription(
            self,
            self._mailbox,
            own_tag or self.queue.consumer_tag,
            count,
            future_to_notify,
            wants_frames,
            type(self).on_setup is not Consumer.on_setup,
        )

    # Calls for programs

    def cancel(self, timeout: float | None = STOP_TIMEOUT) -> Any:
        """Stop consuming. Any thread may call it.

        No callback begins any more. With acknowledgements, the messages that no callback has
        received yet go back into the queue at once; with `no_ack`, those that have arrived still
        run. Running callbacks may settle their messages until they end. Then all unsettled messages
        go back into the queue.

        :param timeout: the time for running callbacks, in seconds; None for no limit. Two callbacks
            that wait with no limit for each other's consumer wait for ever
        :returns: a future of the Cluster. It succeeds when the callbacks have ended, or after the
            timeout. For a callback of this consumer it succeeds when no more messages can come
        :raises TypeError: the timeout is no number
        :raises ValueError: the timeout is negative
        """
        owner = self._subscription.owner
        if owner is None:
            self._mailbox.ending = self._mailbox.closed = True
            return Ended()
        return owner.cancel(self._subscription, timeout)

    def set_qos(self, prefetch_size: int | None, prefetch_count: int | None = None) -> None:
        """Change the prefetch count: `set_qos(count)` or `set_qos(None, count)`.

        Any thread may call it. The new count applies at once if the consumer is online, and after
        each reconnect.

        RabbitMQ applies a prefetch count only to consumers that start after it. CoolAMQP therefore
        replaces a running consumer on its channel by one with another consumer tag. A consumer of a
        stream starts at its offset again.

        :param prefetch_size: the count, in messages, if it is the only argument; otherwise None
        :param prefetch_count: the count, in messages; 0 for no limit
        :raises ValueError: the count is not from 0 to 65535
        """
        count = _count_of(prefetch_size, prefetch_count)
        if self.no_ack:
            warn_of_no_effect(2)
        owner = self._subscription.owner
        if owner is None:
            self._subscription.qos = count
        else:
            owner.change_prefetch(self._subscription, count)

    # Hooks. They run where the callbacks run, in order with the messages.

    def on_operational(self, operational: bool) -> None:
        """Handle the start or the end of consuming. A subclass may override it.

        Calls with True and False alternate.

        :param operational: True when consuming has begun, False when it has ended
        """

    def on_close(self, payload: Method | None = None) -> None:
        """Handle the loss of the channel, after `on_operational(False)`.

        A subclass may override it.

        :param payload: the `ChannelClose` of the broker; None if the broker sent none
        """

    def on_setup(self, method: Method) -> None:
        """Handle an answer of the broker during the set-up. A subclass may override it.

        :param method: the answer, such as `QueueDeclareOk`
        """

    def on_delivery(self, frame: AMQPFrame) -> None:
        """Handle a frame of a delivery: first the method, then the header, then the bodies.

        A subclass may override it, and pass the frames on to this method, which assembles and
        delivers the message. Such a consumer is slower, because CoolAMQP makes frame objects only
        for it.
        """
        self._subscription.assemble(frame)

    # Properties for programs

    @property
    def state(self) -> int:
        """The state: 0 (offline), 1 (in the set-up) or 2 (online).

        `coolamqp.attaches.channeler` has names for these numbers.
        """
        return self._subscription.state

    @property
    def cancelled(self) -> bool:
        """Whether the consumer has ended for good, for any reason: no more messages come."""
        return self._mailbox.closed or self._subscription.stopped

    @property
    def consumer_tag(self) -> bytes:
        """The name of the consumer on its channel; `set_qos` changes it."""
        return self._subscription.consumer_tag

    @property
    def qos(self) -> int | None:
        """The prefetch count, in messages; None if it is not set."""
        return self._subscription.qos

    @qos.setter
    def qos(self, qos: int | tuple[int | None, int]) -> None:
        self.set_qos(*qos) if isinstance(qos, tuple) else self.set_qos(qos)

    @property
    def future_to_notify(self) -> Promise | None:
        """The future that ends when consuming begins or fails; None after that."""
        return self._subscription.promise

    @future_to_notify.setter
    def future_to_notify(self, future: Promise | None) -> None:
        self._subscription.promise = future

    @property
    def on_message(self) -> Callable[[Any], Any] | None:
        """The callback for messages; None if messages come from `Cluster.drain`."""
        return self._mailbox.on_message

    @on_message.setter
    def on_message(self, on_message: Callable[[Any], Any] | None) -> None:
        self._mailbox.on_message = on_message

    @property
    def workers(self) -> int:
        """The number of callbacks that may run at the same time."""
        return self._mailbox.workers

    @property
    def inline(self) -> bool:
        """Whether `on_message` runs on the thread that reads from the connection."""
        return self._mailbox.inline

    @property
    def on_error(self) -> OnError:
        """The treatment of an unsettled message whose callback raises."""
        return self._mailbox.on_error

    @on_error.setter
    def on_error(self, on_error: OnError) -> None:
        checked_on_error(on_error, self.queue)
        check_effect(self.no_ack, None, None, on_error, 1, calls=True)
        self._mailbox.on_error = on_error

    @property
    def span(self) -> Any:
        """The span of the program that the spans of the callbacks belong to."""
        return self._mailbox.span

    @span.setter
    def span(self, span: Any) -> None:
        check_span(span)
        self._mailbox.span = span

    @property
    def dont_trace(self) -> bool:
        """Whether its callbacks run without spans even if the Cluster has a tracer."""
        return self._mailbox.dont_trace

    @dont_trace.setter
    def dont_trace(self, dont_trace: bool) -> None:
        self._mailbox.dont_trace = bool(dont_trace)


def subscription_of(consumer: Consumer) -> Subscription:
    """Return the engine's half of a consumer."""
    return consumer._subscription  # noqa: SLF001 - for the Cluster, not for programs


def _count_of(size: int | None, count: int | None) -> int:
    return prefetch_count(size or 0) if count is None else prefetch_count((size, count))
