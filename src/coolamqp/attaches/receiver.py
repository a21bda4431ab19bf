"""What messages come to: the part of a consumer that every message passes."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from mypy_extensions import mypyc_attr

from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.channeler import Channeler
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.effects import Face
from coolamqp.framing.hot import Envelope
from coolamqp.objects import Queue, ReceivedMessage


@mypyc_attr(allow_interpreted_subclasses=True)
class Receiver(Channeler):
    """Makes messages of what is delivered, and posts them to whoever runs callbacks.

    :param workers: how many callbacks may run at once
    :param inline: whether they run on the I/O thread
    :ivar cancelled: whether it receives no more, for good
    """

    def __init__(self, queue: Queue, on_message: Any, workers: int, inline: bool) -> None:
        super().__init__()
        self.queue = queue
        self.on_message = on_message
        self.workers = workers
        self.inline = inline
        self.cancelled = False
        self.span: Any = None
        self.dont_trace = False
        self.face: Face | None = None
        self._dirty_ledgers: list[AckLedger] = []
        self._ledger: AckLedger | None = None
        self._wants_frames = False

    def join(self, face: Face, dirty_ledgers: list[AckLedger]) -> None:
        """Become part of a Cluster.

        :raises ValueError: it is part of one already
        """
        if self.face is not None:
            whose = 'this Cluster' if self.face is face else 'another Cluster'
            raise ValueError(f'this Consumer was added to {whose} before; make a new one')
        self.face = face
        self._dirty_ledgers = dirty_ledgers

    def begin_to_receive(self, no_ack: bool) -> None:
        """Note that messages may come from now on, on the channel that there is."""
        if self.channel is not None:
            self._ledger = None if no_ack else AckLedger(self.channel, self._dirty_ledgers)

    def on_delivered(self, envelope: Envelope, properties: bytes, body: Any) -> None:
        """Take a message that was delivered."""
        if self._ledger is not None:
            self._ledger.enter(envelope.delivery_tag)
        delivery = Delivery(envelope, properties, body, self._ledger, self.face)
        if self._wants_frames:
            self.show_frames(delivery)
        else:
            self.effects.posts.append((self, delivery))

    @abstractmethod
    def show_frames(self, delivery: Delivery) -> None:
        """Post a message as the frames that it came in, for whoever wants to see them."""

    @abstractmethod
    def settle_failed(self, message: ReceivedMessage) -> None:
        """Settle a message whose callback has raised."""

    def void_ledger(self) -> None:
        """Note that what is not settled is back in its queue: the channel is gone."""
        if self._ledger is not None:
            self._ledger.make_void()

    def flush_ledger(self) -> None:
        """Tell the broker what has been settled."""
        if self._ledger is not None:
            self._ledger.flush()
