"""A consumer, as programs make it: its options, its hooks, and how to cancel it.

Programs make it through `Cluster.consume` or by hand, and may subclass it. The work on the wire is
done by its `Subscription`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coolamqp.attaches.consumer_options import (
    BodyReceiveMode,
    OnError,
    checked_on_error,
    checked_workers,
    chosen_prefetch,
    consume_arguments,
    prefetch_count,
)
from coolamqp.attaches.mailbox import Mailbox
from coolamqp.attaches.promise import Ended, Promise
from coolamqp.attaches.subscription import Subscription
from coolamqp.compat import check_span, consumer_takes_both_orders
from coolamqp.framing.field_table import Arguments
from coolamqp.framing.frames import AMQPFrame
from coolamqp.framing.method import Method
from coolamqp.framing.text import Text, short_bytes
from coolamqp.objects import Callable as CallableList
from coolamqp.objects import Queue


class Consumer:
    """A consumer receives the messages of a queue.

    :param queue: the queue; CoolAMQP declares it, with its exchange and binding, before it consumes
    :param on_message: called with each `ReceivedMessage`, in order, on a dispatcher thread of the
        Cluster; with None, messages come out of `Cluster.drain`
    :param span: the span of a tracer to which the consumer belongs
    :param no_ack: whether the broker forgets a message as soon as it has sent it
    :param qos: prefetch count, or (None, count)
    :param cancel_on_failure: whether a lost connection cancels the consumer
    :param future_to_notify: a future that ends when consuming has begun, or cannot
    :param fail_on_first_time_resource_locked: whether a queue that another connection has locked is
        an error; if not, CoolAMQP tries again until the queue is free
    :param body_receive_mode: see `BodyReceiveMode`
    :param arguments: arguments of `basic.consume`, such as ``x-stream-offset``
    :param prefetch: another name of `qos`
    :param exclusive: whether the queue may have no other consumer
    :param no_local: part of the protocol; RabbitMQ ignores it
    :param priority: the broker prefers consumers of a higher priority
    :param consumer_tag: the name of the consumer; None makes one
    :param workers: how many callbacks may run at once; from 2 on messages are not in order
    :param inline: whether `on_message` runs on the I/O thread, which must not wait
    :param on_error: what happens to a message that is not settled when its callback raises:
        'requeue', 'reject', or 'keep' it unsettled until the channel ends
    :raises TypeError: an argument has the wrong type; the message names it
    :raises ValueError: an argument makes no sense; the message names it
    :ivar on_cancel: a list of functions that are called once, when the consumer is cancelled
    :ivar on_broker_cancel: a list of functions that are called once, when the broker cancels it
    """

    @consumer_takes_both_orders
    def __init__(
        self,
        queue: Queue,
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
    ) -> None:
        if not isinstance(queue, Queue):
            raise TypeError(f'queue must be a Queue, not {queue!r}; make one, with its flags')
        check_span(span)
        if on_message is not None and not callable(on_message):
            raise TypeError(f'on_message must be a function or None, not {on_message!r}')
        if inline and on_message is None:
            raise ValueError('inline needs an on_message to call')
        wants_frames = type(self).on_delivery is not Consumer.on_delivery
        checked_workers(workers, inline)
        if wants_frames and workers > 1:
            raise ValueError('on_delivery sees frames in their order, so workers must be 1')
        self.queue = queue
        self.no_ack = no_ack
        self.cancel_on_failure = cancel_on_failure
        self.fail_on_first_time_resource_locked = fail_on_first_time_resource_locked
        self.body_receive_mode = BodyReceiveMode(body_receive_mode)
        self.exclusive = exclusive
        self.no_local = no_local
        self.on_cancel = CallableList(oneshots=True)
        self.on_broker_cancel = CallableList(oneshots=True)
        qos = chosen_prefetch(qos, prefetch)
        self.arguments = consume_arguments(arguments, priority)
        checked_on_error(on_error)
        own_tag = None if consumer_tag is None else short_bytes(consumer_tag, 'consumer_tag')
        self._mailbox = Mailbox(queue, on_message, workers, bool(inline), on_error)
        self._mailbox.span = span
        self._subscription = Subscription(
            self,
            self._mailbox,
            own_tag or queue.consumer_tag,
            qos,
            future_to_notify,
            wants_frames,
            type(self).on_setup is not Consumer.on_setup,
        )

    # What programs call

    def cancel(self) -> Any:
        """Stop consuming, from any thread.

        :returns: a future of the Cluster's kind, which always succeeds in the end
        """
        owner = self._subscription.owner
        if owner is None:
            self._mailbox.closed = True
            return Ended()
        return owner.cancel(self._subscription)

    def set_qos(self, prefetch_size: int | None, prefetch_count: int | None = None) -> None:
        """Change the prefetch count: `set_qos(count)` or `set_qos(None, count)`, from any thread.

        It takes effect now if the consumer is online, and after each reconnect.

        RabbitMQ applies a prefetch count to consumers that begin after it. CoolAMQP therefore
        replaces a running consumer on its channel, under another tag. A consumer of a stream begins
        at its offset again.

        :raises ValueError: the count is not from 0, for no bound, to 65535
        """
        count = _count_of(prefetch_size, prefetch_count)
        owner = self._subscription.owner
        if owner is None:
            self._subscription.qos = count
        else:
            owner.change_prefetch(self._subscription, count)

    # Hooks. They run where callbacks run, in their turn among the messages.

    def on_operational(self, operational: bool) -> None:
        """Called with True when consuming begins, with False when it ends, in turn."""

    def on_close(self, payload: Method | None = None) -> None:
        """Called when the channel is gone, after `on_operational(False)`.

        :param payload: the broker's `ChannelClose`, if it sent one
        """

    def on_setup(self, method: Method) -> None:
        """Called with each answer of the broker while consuming is set up.

        :param method: such as `QueueDeclareOk`
        """

    def on_delivery(self, frame: AMQPFrame) -> None:
        """Called with each frame of a delivery: method, header and bodies.

        This one assembles a message of the frames and delivers it. A consumer that overrides it is
        slower, since CoolAMQP makes no frames otherwise.
        """
        self._subscription.assemble(frame)

    # What programs read

    @property
    def state(self) -> int:
        """0 (offline), 1 (being set up) or 2 (online), see `coolamqp.attaches.channeler`."""
        return self._subscription.state

    @property
    def cancelled(self) -> bool:
        """Whether this consumer has been cancelled, for whatever reason."""
        return self._mailbox.closed

    @property
    def consumer_tag(self) -> bytes:
        """The name of the consumer at the broker; `set_qos` changes it."""
        return self._subscription.consumer_tag

    @property
    def qos(self) -> int | None:
        """The prefetch count; None if none was given."""
        return self._subscription.qos

    @property
    def future_to_notify(self) -> Promise | None:
        """The future that ends when consuming has begun, until it has ended."""
        return self._subscription.promise

    @property
    def on_message(self) -> Callable[[Any], Any] | None:
        """The function that is called with each message."""
        return self._mailbox.on_message

    @on_message.setter
    def on_message(self, on_message: Callable[[Any], Any] | None) -> None:
        self._mailbox.on_message = on_message

    @property
    def workers(self) -> int:
        """How many callbacks may run at once."""
        return self._mailbox.workers

    @property
    def inline(self) -> bool:
        """Whether `on_message` runs on the I/O thread."""
        return self._mailbox.inline

    @property
    def on_error(self) -> OnError:
        """What happens to a message that is not settled when its callback raises."""
        return self._mailbox.on_error

    @property
    def span(self) -> Any:
        """The span of a tracer to which the consumer belongs."""
        return self._mailbox.span

    @property
    def dont_trace(self) -> bool:
        """Whether its callbacks run outside of spans though there is a tracer."""
        return self._mailbox.dont_trace

    @dont_trace.setter
    def dont_trace(self, dont_trace: bool) -> None:
        self._mailbox.dont_trace = dont_trace


def subscription_of(consumer: Consumer) -> Subscription:
    """Return the engine's half of a consumer."""
    return consumer._subscription  # noqa: SLF001 - it is for the Cluster, and not for programs


def _count_of(size: int | None, count: int | None) -> int:
    return prefetch_count(size or 0) if count is None else prefetch_count((size, count))
