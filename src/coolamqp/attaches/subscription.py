"""The subscription: the engine's half of a consumer, with its channel and its deliveries.

A `Consumer` has the options and the hooks, and programs may subclass it. It has a subscription for
the protocol. `set_up` shows the whole dialogue with the broker. The subscription puts messages and
hooks into the mailbox, and never calls them.
"""

from __future__ import annotations

import logging
from math import inf
from typing import Any, Final, Protocol

from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.batch import Batch, Batcher
from coolamqp.attaches.channeler import (
    ST_ONLINE,
    ST_SYNCING,
    Channeler,
    Dialogue,
)
from coolamqp.attaches.delivery import Delivery, MessageOwner
from coolamqp.attaches.events import (
    ConsumerCancelled,
    ConsumerCancelledByBroker,
    TopologyFailed,
)
from coolamqp.attaches.frame_assembly import FrameAssembly, frames_of
from coolamqp.attaches.locked_queue import LockedQueue
from coolamqp.attaches.mailbox import Hook, Mailbox
from coolamqp.attaches.operation import after_queue, before_queue, declare_queue
from coolamqp.attaches.promise import Promise
from coolamqp.attaches.recovered_bindings import PersistentTopology, RecoveredBindings
from coolamqp.attaches.replacement import Replacement, replace_consumer
from coolamqp.exceptions import RESOURCE_LOCKED, AMQPError, CoolAMQPError
from coolamqp.framing.content import LIST_OF_MEMORYVIEW
from coolamqp.framing.definitions import (
    BasicCancel,
    BasicConsume,
    BasicQos,
    ChannelClose,
    QueueDeclare,
    QueueDeclareOk,
)
from coolamqp.framing.field_table import Arguments
from coolamqp.framing.frames import AMQPFrame
from coolamqp.framing.hot import Envelope
from coolamqp.framing.method import Method
from coolamqp.framing.text import Text, text_bytes
from coolamqp.log_events import LogEvent
from coolamqp.objects import Callable as CallableList
from coolamqp.objects import Queue
from coolamqp.objects.message import Settlement
from coolamqp.reply_codes import NOT_FOUND
from coolamqp.timers import Timer
from coolamqp.uplink.channel import Channel

# A consumer that the broker cancels sooner than this, in seconds, makes a pause before it consumes
# again.
STEADY_SECONDS: Final = 1.0
# The reason that RabbitMQ gives if another consumer is exclusive. ACCESS_REFUSED has others.
EXCLUSIVE_USE: Final = 'in exclusive use'


class Subscriber(Protocol):
    """The options and hooks of a `Consumer` that its subscription uses.

    A program may assign any value to a flag at any time. Only its truth counts.
    """

    queue: Queue
    declare: Any
    passive: Any
    no_ack: Any
    exclusive: Any
    no_local: Any
    arguments: Arguments
    cancel_on_failure: Any
    fail_on_first_time_resource_locked: Any
    body_receive_mode: Any
    on_cancel: CallableList
    on_broker_cancel: CallableList

    def on_operational(self, operational: bool) -> None:
        """Handle the start (True) or the end (False) of consuming."""

    def on_close(self, payload: Method | None = None) -> None:
        """Handle the loss of the channel."""

    def on_setup(self, method: Method) -> None:
        """Handle an answer of the broker during the set-up."""

    def on_delivery(self, frame: AMQPFrame) -> None:
        """Handle a frame of a delivery."""


class ConsumerOwner(MessageOwner, Protocol):
    """The calls of a consumer to its Cluster. Any thread may make them."""

    def cancel(self, subscription: Subscription, timeout: float | None) -> Promise:
        """Cancel a consumer.

        :param timeout: the time for running callbacks, in seconds; None for no limit
        """

    def change_prefetch(self, subscription: Subscription, prefetch_count: int) -> None:
        """Change the prefetch count of a consumer."""

    def deliver(self, subscription: Subscription, message: Delivery) -> None:
        """Deliver a message to the program, from a hook of its consumer."""


class Subscription(Channeler):
    """The attach that consumes the messages of a queue.

    :param consumer: the consumer that has this subscription
    :param mailbox: the mailbox for messages and hooks
    :param consumer_tag: the first consumer tag; a change of the prefetch count changes the tag
    :param qos: the prefetch count, in messages; None leaves it unset
    :param promise: the promise to end when consuming begins or fails
    :param wants_frames: whether the consumer overrides `on_delivery`
    :param wants_setup: whether the consumer overrides `on_setup`
    :ivar owner: the Cluster; None until the consumer is added to one
    :ivar stopped: whether the broker delivers nothing more, for good
    """

    def __init__(
        self,
        consumer: Subscriber,
        mailbox: Mailbox,
        consumer_tag: bytes,
        qos: int | None,
        promise: Promise | None,
        wants_frames: bool,
        wants_setup: bool,
    ) -> None:
        super().__init__()
        self.consumer = consumer
        self.mailbox = mailbox
        self.consumer_tag = consumer_tag
        self.qos = qos
        self.promise = promise
        self.owner: ConsumerOwner | None = None
        self.stopped = False
        self._wants_frames = wants_frames
        self._wants_setup = wants_setup
        self._topology: PersistentTopology | None = None
        self._bindings = RecoveredBindings()
        self._dirty_ledgers: list[AckLedger] = []
        self._ledger: AckLedger | None = None
        self._batcher: Batcher | None = None
        self._stop_promises: list[Promise] = []  # to end when no more messages can come
        self._cancel_promises: list[Promise] = []  # to end when the callbacks have ended, too
        self._timer: Timer | None = None  # for the end of the time of running callbacks
        self._hurried = False  # whether that time is over
        self._ran_all = False  # whether all messages are with callbacks
        self._was_operational = False
        self._has_consumed = False
        self._online_since = -inf
        self._locked_queue = LockedQueue()
        self._used_qos: int | None = None
        self._closed_by: ChannelClose | None = None
        self._replacement = Replacement(consumer_tag)
        self._assembly = FrameAssembly()
        self._channel_number = 0

    def belong_to(
        self,
        owner: ConsumerOwner,
        dirty_ledgers: list[AckLedger],
        topology: PersistentTopology,
    ) -> None:
        """Become part of a Cluster.

        :param dirty_ledgers: the list of ledgers to flush
        :param topology: the persistent declarations
        :raises ValueError: the consumer belongs to a Cluster already
        """
        if self.owner is not None:
            which = 'this Cluster' if self.owner is owner else 'another Cluster'
            raise ValueError(f'this Consumer was added to {which} already; make a new one')
        self.owner = owner
        self._dirty_ledgers = dirty_ledgers
        self._topology = topology

    @property
    def declared_queue(self) -> bytes | None:
        """The name of the queue that the set-up declares; None if it declares no named queue."""
        queue = self.consumer.queue
        return queue.name if self.consumer.declare and not queue.anonymous else None

    @property
    def cancelled(self) -> bool:
        """Whether the consumer has ended for good."""
        return self.mailbox.closed

    @property
    def unsettled(self) -> int:
        """The number of delivered messages that are not settled."""
        return 0 if self._ledger is None else self._ledger.unsettled

    @property
    def busy(self) -> bool:
        """Whether the set-up or the cancellation is under way."""
        return self.state == ST_SYNCING or (self.mailbox.ending and not self.mailbox.closed)

    # Prefetch

    def change_prefetch(self, prefetch_count: int) -> None:
        """Set the prefetch count, at once if online, and after each reconnect."""
        self.qos = prefetch_count
        if self.state == ST_ONLINE:
            self._renew()

    def _renew(self) -> None:
        """Replace the running consumer by one with the new prefetch count."""
        busy = self._replacement.running or self.mailbox.ending
        if self.channel is None or self.qos is None or busy:
            return
        if self.consumer.exclusive and not self._survives_its_consumers():
            self.effects.log(
                LogEvent.PREFETCH_POSTPONED,
                f'the new prefetch count of the exclusive consumer of {self.mailbox.name} applies '
                f'after the next reconnect: CoolAMQP would have to cancel the consumer first, and '
                f'the broker deletes an auto-delete queue with its last consumer',
                queue=self.mailbox.name,
            )
            return
        channel, old_tag = self.channel, self.consumer_tag
        self._used_qos = self.qos
        self.consumer_tag = self._replacement.next_tag()
        self._replacement.begin(
            channel,
            replace_consumer(old_tag, self.qos, self._consume, bool(self.consumer.exclusive)),
            lambda: self._on_replaced(channel),
            lambda error: self.on_set_up_error(channel, error),
        )

    def _survives_its_consumers(self) -> bool:
        """Whether the queue is known not to be an auto-delete queue."""
        return bool(self.consumer.declare) and not self.consumer.queue.auto_delete

    def _on_replaced(self, channel: Channel) -> None:
        if self.mailbox.ending:
            self._cancel_on(channel)
        elif self.qos != self._used_qos:
            self._renew()

    # Setting up

    def open(self) -> None:
        """Open a channel and set up on it. A suspect waits until it is alone, see `Suspects`."""
        if self.connection is None:
            return
        if self.suspects.may_send(self, self.fail, self._open_if_closed):
            super().open()
        else:
            self.report_set_up()

    def _open_if_closed(self) -> None:
        if self.channel is None:
            self.open()

    def unanswered(self) -> list[object]:
        """Return the subscription itself during its set-up."""
        return [self] if self.state == ST_SYNCING else []

    def set_up(self) -> Dialogue:
        """Declare and bind the queue, set the prefetch count, and consume."""
        self._bindings.forget_unanswered()
        yield from self._declare()
        self._bind_again()
        self._used_qos = self.qos
        if self.qos is not None:
            yield BasicQos(0, self.qos)
        self._prepare_for_deliveries()
        yield self._consume()

    def _declare(self) -> Dialogue:
        """Declare the queue, with its exchange and binding, unless others do this."""
        queue = self.consumer.queue
        if self.consumer.declare:
            for method in before_queue(queue):
                yield method
            name = b'' if queue.anonymous else queue.name or b''
            declared: QueueDeclareOk = yield declare_queue(queue, name)
            name = queue.name = text_bytes(declared.queue, 'queue')
            for method in after_queue(queue, name):
                yield method
            return
        name = queue.name or b''
        persistent = None if self._topology is None else self._topology.queue(name)
        if persistent is not None:
            yield declare_queue(persistent, name)
        elif self.consumer.passive:
            yield QueueDeclare(name, passive=True)

    def _bind_again(self) -> None:
        """Send the persistent bindings of the queue, which may be a new one."""
        if self.channel is not None and self._topology is not None:
            name = self.consumer.queue.name or b''
            self._bindings.send(self.channel, self._topology.bindings(name))

    def _consume(self) -> Method:
        consumer = self.consumer
        return BasicConsume(
            consumer.queue.name or b'',
            self.consumer_tag,
            no_local=bool(consumer.no_local),
            no_ack=bool(consumer.no_ack),
            exclusive=bool(consumer.exclusive),
            arguments=consumer.arguments,
        )

    def _prepare_for_deliveries(self) -> None:
        channel, consumer = self.channel, self.consumer
        if channel is not None:
            channel.content.mode = int(consumer.body_receive_mode)
            if self.mailbox.batch and self._batcher is None:
                self._batcher = Batcher(
                    self.mailbox.batch, self.mailbox.within, self.timers, self._post_batch
                )
            self._channel_number = channel.number
            self._ledger = None
            if not consumer.no_ack:
                self._ledger = AckLedger(channel, self._dirty_ledgers, self.counters)
                if consumer.queue.retry_delays:
                    self._ledger.retry_queue = consumer.queue
                if not self.mailbox.dont_trace:
                    self._ledger.queue = consumer.queue.name

    def on_setup_answer(self, answer: Method) -> None:
        """Pass the answer to a consumer that overrides `on_setup`."""
        if self._wants_setup:
            self.effects.call(self.mailbox, self.consumer.on_setup, answer)

    def on_online(self) -> None:
        """Report that consuming has begun."""
        self.suspects.on_answer(self)
        self._was_operational = True
        self._has_consumed = True
        self._online_since = self.timers.now
        self.effects.call(self.mailbox, self.consumer.on_operational, True)
        self.effects.succeed(self._take_promise())
        if self.qos != self._used_qos:
            self._renew()

    # Messages

    def on_delivery(self, envelope: Envelope, properties: bytes, body: Any) -> None:
        """Put a message into the mailbox."""
        ledger = self._ledger
        if ledger is not None:
            ledger.enter(envelope.delivery_tag)
            if self.mailbox.ending:
                self._return(ledger, envelope.delivery_tag)
                return
        self.counters.delivered += 1
        delivery = Delivery(envelope, properties, body, ledger, self.owner)
        if self._batcher is not None:
            self._batcher.add(delivery)
        elif self._wants_frames:
            arguments = (envelope, properties, body, ledger)
            hook = Hook(self._show_frames, arguments, carries=delivery)
            self.effects.callbacks.append((self.mailbox, hook))
        else:
            self.effects.callbacks.append((self.mailbox, delivery))

    def _post_batch(self, batch: Batch) -> None:
        self.effects.callbacks.append((self.mailbox, batch))

    def _flush_batch(self) -> None:
        if self._batcher is not None:
            self._batcher.flush()

    def _discard_batch(self) -> None:
        """Forget the messages that wait for others. The broker has requeued them."""
        if self._batcher is not None:
            self._batcher.discard()

    def _return(self, ledger: AckLedger, delivery_tag: int) -> None:
        """Requeue a message that crosses with the cancellation."""
        ledger.settle(delivery_tag, Settlement.NACK_REQUEUE)
        ledger.announce()

    def _show_frames(
        self, envelope: Envelope, properties: bytes, body: Any, ledger: AckLedger | None
    ) -> None:
        in_pieces = int(self.consumer.body_receive_mode) == LIST_OF_MEMORYVIEW
        self._assembly.begin(ledger, self.owner, in_pieces=in_pieces)
        for frame in frames_of(envelope, properties, body, self._channel_number):
            self.consumer.on_delivery(frame)

    def assemble(self, frame: AMQPFrame) -> None:
        """Add a frame that the consumer passes on, and deliver the message if it is complete."""
        message = self._assembly.feed(frame)
        if message is not None and self.owner is not None:
            self.owner.deliver(self, message)

    def on_method(self, method: Method) -> None:
        """Set up again after a Consumer Cancel Notification, on a new channel."""
        if not (isinstance(method, BasicCancel) and self._is_current(method.consumer_tag)):
            super().on_method(method)
            return
        self.effects.log(
            LogEvent.CONSUMER_CANCELLED_BY_BROKER,
            f'the broker has cancelled the consumer of {self.mailbox.name}: the queue was deleted, '
            f'its node is down, or a message was unsettled for too long',
            queue=self.mailbox.name,
        )
        self.effects.report(ConsumerCancelledByBroker(self.consumer, None))
        self.effects.call(self.mailbox, self.consumer.on_broker_cancel)
        self._bindings.forget_refused()
        self._close_channel()

    def _is_current(self, consumer_tag: Text) -> bool:
        """Whether a consumer tag is that of the consumer, and not of one before it."""
        return text_bytes(consumer_tag, 'consumer_tag') == self.consumer_tag

    def _close_channel(self) -> None:
        if self.channel is not None:
            self._flush_ledger()
            self.channel.close()

    def _flush_ledger(self) -> None:
        if self._ledger is not None:
            self._ledger.flush()

    # The channel

    def on_offline(self) -> None:
        """Void the unsettled messages, and report that consuming has ended."""
        self._replacement.abandon()
        if self._ledger is None:
            self._flush_batch()
        else:
            self._discard_batch()
            self._ledger.make_void()  # The broker has requeued the messages.
        if self._was_operational:
            self._was_operational = False
            self.effects.call(self.mailbox, self.consumer.on_operational, False)
            self.effects.call(self.mailbox, self.consumer.on_close, self._closed_by)
        self._closed_by = None

    def on_channel_closed(self, error: AMQPError | None) -> None:
        """End for good after a cancellation or a lasting error; otherwise set up again."""
        setting_up = self.state == ST_SYNCING
        if error is not None:
            self._closed_by = ChannelClose(
                error.reply_code, error.reply_text, error.class_id, error.method_id
            )
        self.go_offline('channel closed')
        self.suspects.on_answer(self)
        if self.mailbox.ending:
            self._end(None)
        elif error is None and self.timers.now > self._online_since + STEADY_SECONDS:
            self.open()
        elif error is None:
            self.retry_later()
        elif self._leave_out_binding(error):
            self.open()
            return
        elif setting_up and not self._is_temporary(error):
            self.fail(error)
        else:
            self.effects.log(
                LogEvent.CONSUMER_REFUSED,
                f'the broker has refused the consumer of {self.mailbox.name}; '
                f'CoolAMQP tries again: {error}',
                queue=self.mailbox.name,
                cause=error,
            )
            if not setting_up:
                self.effects.report(ConsumerCancelledByBroker(self.consumer, error))
            self.retry_later()
            if self._has_consumed and error.reply_code == RESOURCE_LOCKED:
                return  # The recovery waits: the locked queue ends with the lost connection.
        if setting_up:
            self.report_set_up()

    def _leave_out_binding(self, error: AMQPError) -> bool:
        """Whether the broker has refused a persistent binding. The next set-up leaves it out."""
        binding = self._bindings.refused_by(error)
        if binding is None:
            return False
        self.effects.report(TopologyFailed(binding, error))
        return True

    def _is_temporary(self, error: AMQPError) -> bool:
        """Whether a later try may succeed.

        A lost connection of this Cluster may still lock an exclusive queue, or consume exclusively.
        RabbitMQ answers NOT_FOUND for an existing queue while the node of the queue is down.
        """
        if self._has_consumed:
            return error.reply_code in (NOT_FOUND, RESOURCE_LOCKED) or EXCLUSIVE_USE in str(error)
        if self.consumer.fail_on_first_time_resource_locked:
            return False
        heartbeat = 0 if self.connection is None else self.connection.limits.heartbeat
        return error.reply_code == RESOURCE_LOCKED and self._locked_queue.may_come_free(
            self.timers.now, heartbeat
        )

    def on_no_channel(self, error: CoolAMQPError) -> None:
        """End for good: the connection has no free channel."""
        self.fail(error)

    def on_channel_lost(self, cause: Exception | None) -> None:
        """Go offline; end for good if the broker closed the connection because of the set-up."""
        refused = self.was_refused(cause)
        self._bindings.forget_refused()
        super().on_channel_lost(cause)
        if self.mailbox.ending or self.consumer.cancel_on_failure:
            self._end(None if self.mailbox.ending else cause)
        elif refused and cause is not None:
            self.fail(cause)

    def on_set_up_error(self, channel: Channel, error: Exception) -> None:
        """End for good: the program has assigned a value to the consumer that cannot be used."""
        channel.close()
        self.fail(error)

    def on_unsendable(self, error: Exception) -> None:
        """End for good: the method is too large to send."""
        self.fail(error)

    # Ending

    # The broker delivers nothing more after cancel-ok. The channel stays open until the running
    # callbacks have ended, so that they can settle their messages.

    def begin_cancel(
        self, promise: Promise | None, timeout: float | None = None, by_callback: bool = False
    ) -> None:
        """Cancel the consumer; the promise ends when the running callbacks have ended.

        :param timeout: the time for running callbacks, in seconds; None for no limit
        :param by_callback: whether a callback of this consumer calls this. It may wait for the
            promise, so the promise does not wait for callbacks
        """
        if self.cancelled or (by_callback and self.stopped):
            self.effects.succeed(promise)
            return
        if promise is not None:
            (self._stop_promises if by_callback else self._cancel_promises).append(promise)
        if self.mailbox.ending:
            return
        self.mailbox.ending = True
        self._flush_batch()
        if self.channel is None:
            self._end(None)
        elif self.state != ST_ONLINE:
            self.channel.close()
        else:
            if timeout is not None:
                self._timer = self.timers.after(timeout, lambda: self._hurry(timeout))
            if not self._replacement.running:
                self._cancel_on(self.channel)

    def _cancel_on(self, channel: Channel) -> None:
        self._flush_ledger()
        channel.call(BasicCancel(self.consumer_tag), lambda _: self._on_stopped())

    def _on_stopped(self) -> None:
        self.stopped = True
        self._flush_batch()
        self._succeed_all(self._stop_promises)
        if self.mailbox.inline:  # All callbacks have run at reception.
            self._ran_all = True
        else:
            self.effects.call(self.mailbox, self._on_ran_all)

    def _on_ran_all(self) -> None:
        """Record that the mailbox has come to its end. It runs where the callbacks run."""
        self._ran_all = True

    def _hurry(self, timeout: float) -> None:
        self._hurried = True
        if not self.stopped:
            self.effects.log(
                LogEvent.CANCEL_TIMED_OUT,
                f'the broker has not answered the cancellation of the consumer of '
                f'{self.mailbox.name} within {timeout:g} s',
                queue=self.mailbox.name,
            )
            self._close_channel()
            self.go_offline('channel closed')
            self._end(None)
        elif not self.mailbox.at_rest:
            self.effects.log(
                LogEvent.CANCELLED_CALLBACK_RUNS,
                f'a callback of the consumer of {self.mailbox.name} still runs {timeout:g} s after '
                f'the cancellation; its message goes back into the queue',
                queue=self.mailbox.name,
            )

    def review_cancel(self) -> None:
        """Close the channel of a cancelled consumer if its callbacks have ended."""
        mailbox = self.mailbox
        ended = mailbox.at_rest and (self._ran_all or mailbox.stopping_callbacks > 0)
        if self.stopped and ((ended and not self._owes_settlements()) or self._hurried):
            self._close_channel()

    def _owes_settlements(self) -> bool:
        """Whether a message may still be settled that no running callback has."""
        ledger = self._ledger
        if ledger is None:
            return False
        # The thread that iterated may have passed a message on before it ended.
        return ledger.retrying or (self.mailbox.iterator is not None and not ledger.settled)

    def fail(self, error: Exception) -> None:
        """End for good because of an error."""
        self.effects.log(
            LogEvent.CONSUMER_ENDED,
            f'consumer of {self.mailbox.name} has ended: {error}',
            logging.ERROR,
            queue=self.mailbox.name,
            cause=error,
        )
        self.effects.fail(self._take_promise(), error)
        self._end(error)

    def _end(self, reason: Exception | None) -> None:
        """End for good; the reason is None after a cancellation by the program."""
        if self.cancelled:
            return
        self.mailbox.ending = self.mailbox.closed = self.stopped = True
        self.connection = None  # A due retry then does nothing.
        self.suspects.on_answer(self)
        if self._timer is not None:
            self.timers.cancel(self._timer)
        self.effects.fail(self._take_promise(), CoolAMQPError('the consumer was cancelled'))
        self.effects.call(self.mailbox, self.consumer.on_cancel)
        self.effects.report(ConsumerCancelled(self.consumer, reason))
        self._succeed_all(self._stop_promises)
        self._succeed_all(self._cancel_promises)
        self.report_set_up()

    def _succeed_all(self, promises: list[Promise]) -> None:
        for promise in promises:
            self.effects.succeed(promise)
        promises.clear()

    def _take_promise(self) -> Promise | None:
        promise, self.promise = self.promise, None
        return promise
