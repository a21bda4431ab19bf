"""A consumer: a channel of its own, its queue, its prefetch, and the messages that come.

Programs make it (through `Cluster.consume`, or by hand), and may subclass it. What it does on the
wire is written in `set_up`. Its callbacks are run by the Cluster, never from here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from coolamqp.attaches.argument_orders import check_span, consumer_takes_both_orders
from coolamqp.attaches.channeler import ST_ONLINE, ST_SYNCING, Dialogue
from coolamqp.attaches.consumer_options import (
    BodyReceiveMode,
    OnError,
    checked_on_error,
    checked_workers,
    chosen_prefetch,
    consume_arguments,
    prefetch_count,
)
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.effects import ConsumerEnded, Ended, Hook, Promise
from coolamqp.attaches.frame_assembly import FrameAssembly, frames_of
from coolamqp.attaches.operation import binding_of, declare_queue, exchange_of
from coolamqp.attaches.receiver import Receiver
from coolamqp.exceptions import RESOURCE_LOCKED, AMQPError, CoolAMQPError
from coolamqp.framing.definitions import (
    BasicCancel,
    BasicConsume,
    BasicQos,
    ChannelClose,
    QueueDeclareOk,
)
from coolamqp.framing.field_table import Arguments
from coolamqp.framing.frames import AMQPFrame
from coolamqp.framing.method import Method
from coolamqp.framing.text import Text, short_bytes, text_bytes
from coolamqp.objects import Callable as CallableList
from coolamqp.objects import Queue, ReceivedMessage
from coolamqp.reply_codes import NOT_FOUND
from coolamqp.uplink.channel import Channel


class Consumer(Receiver):
    """Receives the messages of a queue.

    :param queue: declared, with its exchange and binding, before consuming begins
    :param on_message: called with each `ReceivedMessage`, in order, on a dispatcher thread of the
        Cluster; None to have messages come out of `Cluster.drain`
    :param span: the span of a tracer that this belongs to
    :param no_ack: whether the broker forgets a message as soon as it is sent
    :param qos: prefetch count, or (None, count)
    :param cancel_on_failure: whether to be cancelled when the connection is lost
    :param future_to_notify: ended when consuming has begun, or cannot
    :param fail_on_first_time_resource_locked: whether a queue that is locked by another connection
        is an error; otherwise it is tried again until it is free
    :param body_receive_mode: see `BodyReceiveMode`
    :param arguments: of `basic.consume`, such as ``x-stream-offset``
    :param prefetch: another name of `qos`
    :param exclusive: whether nobody else may consume the queue
    :param no_local: part of the protocol, which RabbitMQ takes and does not heed
    :param priority: the broker prefers consumers of a higher one
    :param consumer_tag: the consumer's name; one is made if it is None
    :param workers: how many callbacks may run at once; from 2 on their order is given up
    :param inline: whether to call `on_message` on the I/O thread, which must not be kept waiting
    :param on_error: what becomes of a message that is not settled when its callback raises:
        'requeue', 'reject', or 'keep' it unsettled until the channel ends
    :raises TypeError: an argument of the wrong type
    :raises ValueError: one that makes no sense; both name it
    :ivar dont_trace: whether its callbacks run in no span though there is a tracer
    :ivar state: 0 (offline), 1 (being set up) or 2 (online), see `coolamqp.attaches.channeler`
    :ivar cancelled: whether this consumer has been cancelled, for whatever reason
    :ivar on_cancel: called once, when it is
    :ivar on_broker_cancel: called once, when the broker has cancelled it
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
        super().__init__(queue, on_message, checked_workers(workers, inline), bool(inline))
        self.span = span
        self.no_ack = no_ack
        self.qos = chosen_prefetch(qos, prefetch)
        self.cancel_on_failure = cancel_on_failure
        self.future_to_notify = future_to_notify
        self.fail_on_first_time_resource_locked = fail_on_first_time_resource_locked
        self.body_receive_mode = BodyReceiveMode(body_receive_mode)
        self.arguments = consume_arguments(arguments, priority)
        self.exclusive = exclusive
        self.no_local = no_local
        self.on_error: OnError = checked_on_error(on_error)
        own_tag = None if consumer_tag is None else short_bytes(consumer_tag, 'consumer_tag')
        self.consumer_tag: bytes = own_tag or queue.consumer_tag
        self.on_cancel = CallableList(oneshots=True)
        self.on_broker_cancel = CallableList(oneshots=True)
        self._wants_frames = type(self).on_delivery is not Consumer.on_delivery
        self._wants_setup = type(self).on_setup is not Consumer.on_setup
        if self._wants_frames and workers > 1:
            raise ValueError('on_delivery sees frames in their order, so workers must be 1')
        self._begin_life()

    def _begin_life(self) -> None:
        """Note that nothing has happened yet."""
        self._cancelling = False
        self._cancel_promises: list[Promise] = []
        self._was_operational = False
        self._used_qos: int | None = None
        self._closed_by: ChannelClose | None = None
        self._first_tag = self.consumer_tag
        self._renewals = 0
        self._renewing = False
        self._assembly = FrameAssembly()
        self._channel_number = 0

    @property
    def busy(self) -> bool:
        """Whether it is being set up or cancelled."""
        return self.state == ST_SYNCING or (self._cancelling and not self.cancelled)

    # What programs call

    def cancel(self) -> Any:
        """Stop consuming, from any thread.

        :returns: a future of the Cluster's kind, which always succeeds in the end
        """
        if self.face is None:
            self.cancelled = True
            return Ended()
        return self.face.cancel_consumer(self)

    def set_qos(self, prefetch_size: int | None, prefetch_count: int | None = None) -> None:
        """Change the prefetch count: `set_qos(count)` or `set_qos(None, count)`, from any thread.

        It holds now if the consumer is online, and after each reconnect.

        RabbitMQ applies a prefetch count to consumers that begin after it, so one that is running
        is replaced on its channel, under another tag. One of a stream begins at its offset again.

        :raises ValueError: it is not from 0, for no bound, to 65535
        """
        count = _count_of(prefetch_size, prefetch_count)
        if self.face is None:
            self.qos = count
        else:
            self.face.change_qos(self, count)

    # Extension points. They run where callbacks run, in their turn among the messages.

    def on_operational(self, operational: bool) -> None:
        """Called with True when consuming begins, with False when it ends, in turn."""

    def on_close(self, payload: Method | None = None) -> None:
        """Called when the channel is gone, after `on_operational(False)`.

        :param payload: the broker's `ChannelClose`, if it has sent one
        """

    def on_setup(self, method: Method) -> None:
        """Called with each answer of the broker while consuming is set up.

        :param method: such as `QueueDeclareOk`
        """

    def on_delivery(self, frame: AMQPFrame) -> None:
        """Called with each frame of a delivery: method, header and bodies.

        This one puts a message together and delivers it. Overriding it takes the slower way that
        makes frames at all.
        """
        message = self._assembly.feed(frame)
        if message is not None and self.face is not None:
            self.face.deliver(self, message)

    # What the engine calls

    def change_qos(self, prefetch_count: int) -> None:
        """Set the prefetch count now, if online, and after each reconnect."""
        self.qos = prefetch_count
        if self.state == ST_ONLINE:
            self._renew()

    def _renew(self) -> None:
        """Consume anew on the same channel, and only then end the old consumer.

        A prefetch count holds for consumers that begin after it, not for those that run
        (https://www.rabbitmq.com/docs/consumer-prefetch). An auto-delete queue must not be without.
        """
        if self.channel is None or self.qos is None or self._renewing:
            return
        self._renewing = True
        self._used_qos = self.qos
        self._renewals += 1
        old_tag = self.consumer_tag
        self.consumer_tag = b'%d.%b' % (self._renewals, self._first_tag[:200])
        if self.exclusive:  # There cannot be two, not even for a moment.
            self.channel.call(BasicCancel(old_tag), lambda _: self._consume_anew(None))
        else:
            self._consume_anew(old_tag)

    def _consume_anew(self, old_tag: bytes | None) -> None:
        if self.channel is not None:
            self.channel.call(BasicQos(0, self._used_qos or 0), _ignore)
            self.channel.call(self._consume(), lambda _: self._end_old(old_tag))

    def _end_old(self, old_tag: bytes | None) -> None:
        """End the old consumer, and only after it what has been asked of the new one.

        RabbitMQ answers a cancellation when the queue has, and other methods before it; and 3.10
        breaks down over a cancellation that overtakes its own consume-ok.
        """
        if self.channel is not None and old_tag is not None:
            self.channel.call(BasicCancel(old_tag), lambda _: self._on_renewed())
        else:
            self._on_renewed()

    def _on_renewed(self) -> None:
        self._renewing = False
        if self.channel is None:
            return
        if self._cancelling:
            self._cancel_on(self.channel)
        elif self.qos != self._used_qos:
            self._renew()

    def begin_cancel(self, promise: Promise | None) -> None:
        """Stop consuming; the promise ends once no message can come any more."""
        if self.cancelled:
            self.effects.succeed(promise)
            return
        if promise is not None:
            self._cancel_promises.append(promise)
        if self._cancelling:
            return
        self._cancelling = True
        if self.channel is None:
            self._end(None)
        elif self.state != ST_ONLINE:
            self.channel.close()
        elif not self._renewing:
            self._cancel_on(self.channel)

    def _cancel_on(self, channel: Channel) -> None:
        self.flush_ledger()
        channel.call(BasicCancel(self.consumer_tag), self._on_cancel_ok)

    def fail(self, error: Exception) -> None:
        """End for good because of an error."""
        self.effects.log(f'consumer of {self.queue.name!r} has ended: {error}', logging.ERROR)
        self.effects.fail(self._take_future(), error)
        self._end(error)

    def settle_failed(self, message: ReceivedMessage) -> None:
        """Settle a message whose callback has raised, as `on_error` says.

        Not while the consumer ends: what the callback needed may be ending as well, and the message
        goes back into its queue with all that is not settled.
        """
        if self.on_error != 'keep' and not self._cancelling:
            message.reject(requeue=self.on_error == 'requeue')

    # Setting up

    def set_up(self) -> Dialogue:
        """Declare queue, exchange and binding; bound the prefetch; consume."""
        queue = self.queue
        for method in exchange_of(queue):
            yield method
        name = b'' if queue.anonymous else queue.name or b''
        declared: QueueDeclareOk = yield declare_queue(queue, name)
        name = queue.name = text_bytes(declared.queue, 'queue')
        for method in binding_of(queue, name):
            yield method
        self._used_qos = self.qos
        if self.qos is not None:
            yield BasicQos(0, self.qos)
        self._begin_to_receive()
        yield self._consume()

    def _consume(self) -> Method:
        name = self.queue.name or b''
        return BasicConsume(
            name,
            self.consumer_tag,
            no_local=self.no_local,
            no_ack=self.no_ack,
            exclusive=self.exclusive,
            arguments=self.arguments,
        )

    def _begin_to_receive(self) -> None:
        if self.channel is not None:
            self.channel.content.mode = self.body_receive_mode
            self._channel_number = self.channel.number
            self.begin_to_receive(self.no_ack)

    def on_setup_answer(self, answer: Method) -> None:
        """Show the answer to a subclass that wants to see it."""
        if self._wants_setup:
            self.effects.call(self, self.on_setup, answer)

    def on_online(self) -> None:
        """Report that consuming has begun."""
        self._was_operational = True
        self.effects.call(self, self.on_operational, True)
        self.effects.succeed(self._take_future())
        if self.qos != self._used_qos:
            self._renew()

    def on_offline(self) -> None:
        """Void the messages that are not settled; report that consuming has ended."""
        self._renewing = False
        self.void_ledger()
        if self._was_operational:
            self._was_operational = False
            self.effects.call(self, self.on_operational, False)
            self.effects.call(self, self.on_close, self._closed_by)
        self._closed_by = None

    def on_channel_closed(self, error: AMQPError | None) -> None:
        """Go offline: for good if that was asked for or cannot be helped, else to try again."""
        setting_up = self.state == ST_SYNCING
        if error is not None:
            self._closed_by = ChannelClose(
                error.reply_code, error.reply_text, error.class_id, error.method_id
            )
        self.go_offline('channel closed')
        if self._cancelling:
            self._end(None)
        elif error is None:
            self.open()
        elif setting_up and not self._is_passing(error):
            self.fail(error)
        else:
            self.effects.log(f'consumer of {self.queue.name!r} tries again: {error}')
            self.retry_later()
        if setting_up:
            self.attempted()

    def _is_passing(self, error: AMQPError) -> bool:
        """Whether waiting may help.

        Our own dead connection may still hold an exclusive queue; and RabbitMQ says not-found of a
        queue that it had before while the node that holds it is away.
        """
        first_time = self.future_to_notify is not None
        if error.reply_code == NOT_FOUND:
            return not first_time
        return error.reply_code == RESOURCE_LOCKED and not (
            first_time and self.fail_on_first_time_resource_locked
        )

    def on_no_channel(self, error: CoolAMQPError) -> None:
        """Give up: there is no channel for another consumer."""
        self.fail(error)

    def on_channel_lost(self, cause: Exception | None) -> None:
        """Go offline with the connection; for good if it was closed for our sake."""
        refused = self.was_refused(cause)
        super().on_channel_lost(cause)
        if self._cancelling or self.cancel_on_failure:
            self._end(None if self._cancelling else cause)
        elif refused and cause is not None:
            self.fail(cause)

    def on_unsendable(self, error: Exception) -> None:
        """Give up: what would be asked cannot be."""
        self.fail(error)

    # Messages

    def show_frames(self, delivery: Delivery) -> None:
        """Post a message that a subclass wants to see as frames."""
        hook = Hook(self._show_frames, (delivery,), carries=delivery)
        self.effects.posts.append((self, hook))

    def _show_frames(self, delivery: Delivery) -> None:
        self._assembly.begin(delivery)
        for frame in frames_of(delivery, self._channel_number):
            self.on_delivery(frame)

    def on_method(self, method: Method) -> None:
        """Take a Consumer Cancel Notification: begin anew, as far as the queue can be had."""
        if not isinstance(method, BasicCancel):
            super().on_method(method)
            return
        self.effects.log(f'the broker has cancelled the consumer of {self.queue.name!r}')
        self.effects.call(self, self.on_broker_cancel)
        if self.channel is not None:
            self.flush_ledger()
            self.channel.close()

    # Ending

    def _on_cancel_ok(self, answer: Method) -> None:
        if self.channel is not None:
            self.flush_ledger()
            self.channel.close()

    def _end(self, reason: Exception | None) -> None:
        """Be cancelled, for good; None is because the program wished it."""
        if self.cancelled:
            return
        self.cancelled = True
        self.connection = None  # so that no retry is made
        self.effects.fail(self._take_future(), CoolAMQPError('the consumer was cancelled'))
        self.effects.call(self, self.on_cancel)
        self.effects.notice(ConsumerEnded(self, reason))
        for promise in self._cancel_promises:
            self.effects.succeed(promise)
        self._cancel_promises.clear()
        self.attempted()

    def _take_future(self) -> Promise | None:
        future, self.future_to_notify = self.future_to_notify, None
        return future


def _ignore(answer: Method) -> None:
    """Take an answer that says nothing new."""


def _count_of(size: int | None, count: int | None) -> int:
    return prefetch_count(size or 0) if count is None else prefetch_count((size, count))
