"""A channel with publisher confirms: it sends publications in order, and settles them.

The publisher has one for all destinations, and one more for each lane.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from typing import Any, Final

from mypy_extensions import trait

from coolamqp.attaches.channeler import ST_ONLINE, Channeler, Dialogue, is_refusal_of
from coolamqp.attaches.publication import Publication, number_of, properties_too_large
from coolamqp.attaches.publish_ledger import PublishLedger
from coolamqp.attaches.returns import Returns, returned
from coolamqp.exceptions import AMQPError, CoolAMQPError, Returned, WireError
from coolamqp.framing.definitions import BasicPublish, BasicReturn, ConfirmSelect
from coolamqp.log_events import LogEvent
from coolamqp.uplink.channel import Channel

# A confirm channel adds messages to the send buffer while it has fewer bytes than this. The other
# messages wait as unsent publications: programs can still withdraw them, and while the connection
# is blocked they do not use memory twice.
SEND_BUFFER_BYTES: Final = 1024 * 1024
# The bound for unsettled publications on a channel whose destinations are not in trouble.
UNLIMITED: Final = 1 << 60


@trait
class ConfirmObserver:
    """The object that decides about the publications of confirm channels."""

    @abstractmethod
    def diverts(self, publication: Publication, channel: ConfirmChannel) -> bool:
        """Queue a publication elsewhere, if it must not go out on this channel now."""

    @abstractmethod
    def on_settled(
        self, channel: ConfirmChannel, publications: list[Publication], acked: bool
    ) -> None:
        """Handle publications that the broker has confirmed or refused (`basic.nack`)."""

    @abstractmethod
    def on_unsettled(self, channel: ConfirmChannel, publications: list[Publication]) -> None:
        """Handle publications that have lost their channel. They are unsent again already."""

    @abstractmethod
    def on_refused(
        self, channel: ConfirmChannel, publications: list[Publication], error: AMQPError
    ) -> None:
        """Handle a channel that the broker has closed because of one of its publications."""

    @abstractmethod
    def give_up(self, publication: Publication, error: Exception) -> None:
        """Fail a publication that must not be sent, or sent again."""


class ConfirmChannel(Channeler):
    """An attach that publishes with confirms on one channel.

    :ivar unsent: the publications to send, in order
    :ivar unsettled_max: the largest number of publications to send ahead of their confirms
    """

    def __init__(self) -> None:
        super().__init__()
        self.unsent: deque[Publication] = deque()
        self.unsettled_max = UNLIMITED
        self._ledger = PublishLedger()
        self._returns = Returns()
        self._released = False
        self._unexplained = (
            False  # whether the last error of the channel did not name basic.publish
        )

    @property
    @abstractmethod
    def observer(self) -> ConfirmObserver:
        """The object that decides about the publications."""

    @property
    def unsettled(self) -> list[Publication]:
        """The sent and unsettled publications, in order."""
        return self._ledger.unsettled

    @property
    def first(self) -> Publication | None:
        """The first unsettled or unsent publication; None if there is none."""
        first = self._ledger.first
        return self.unsent[0] if first is None and self.unsent else first

    @property
    def idle(self) -> bool:
        """Whether nothing is unsent or unsettled."""
        return not self.unsent and not len(self._ledger)

    def release(self) -> None:
        """Start to send: the topology is restored."""
        self._released = True
        self.pump()

    def hold(self) -> None:
        """Stop sending until `release`: the next broker may not have the topology yet."""
        self._released = False

    def queue(self, publications: list[Publication]) -> None:
        """Queue publications among the unsent ones, in the order of the calls."""
        unsent = self.unsent
        last = unsent[-1].number if unsent else 0
        unsent.extend(publications)
        if len(publications) > 1 or unsent[-1].number < last:
            self.unsent = deque(sorted(unsent, key=number_of))

    def pump(self) -> None:
        """Add unsent publications to the send buffer, up to its bound."""
        channel, connection = self.channel, self.connection
        if channel is None or connection is None or self.state != ST_ONLINE:
            return
        while self.unsent and self.may_send(connection.out.size):
            publication = self.unsent.popleft()
            if not self.observer.diverts(publication, self):
                self.send(publication, channel, connection.limits.frame_max)

    def may_send(self, out_size: int) -> bool:
        """Whether to send one more publication while the send buffer has this size, in bytes."""
        return (
            self._released
            and out_size < SEND_BUFFER_BYTES
            and len(self._ledger) < self.unsettled_max
        )

    def send(self, publication: Publication, channel: Channel, frame_max: int) -> None:
        """Send a publication, and enter it in the ledger."""
        if not publication.fits(frame_max):
            self.observer.give_up(publication, properties_too_large(frame_max))
            return
        publication.sent = True
        self._ledger.enter(publication)
        publication.send(channel)

    def take_all(self) -> list[Publication]:
        """Remove and return all publications, the unsettled ones first."""
        taken = self._ledger.clear() + list(self.unsent)
        self._returns.clear()
        self.unsent.clear()
        return taken

    def take_return(self, publication: Publication) -> Returned | None:
        """Remove and return the error of a settled publication; None if it was not returned."""
        return self._returns.take(publication) if publication.mandatory else None

    # The channel

    def set_up(self) -> Dialogue:
        """Enable confirms on the channel."""
        yield ConfirmSelect()

    def on_online(self) -> None:
        """Send the unsent publications."""
        self.pump()

    def unanswered(self) -> list[object]:
        """Return the unsettled publications."""
        return list(self._ledger.unsettled)

    def on_offline(self) -> None:
        """Queue unsettled publications again, in front of all others."""
        unsettled = self._ledger.clear()
        self._returns.clear()
        self.unsent.extendleft(reversed(unsettled))
        self.observer.on_unsettled(self, unsettled)

    def on_channel_closed(self, error: AMQPError | None) -> None:
        """Open the channel again. One of the publications was refused if the error says so.

        An error that does not name basic.publish may have another reason, such as an order of an
        operator: the publications are sent again. If it comes again before anything is settled, it
        is a refusal.
        """
        unsettled = self._ledger.unsettled
        self.go_offline('channel closed')
        if error is None or not unsettled:
            self.retry_later()
        elif self._unexplained or is_refusal_of(error, BasicPublish()):
            self._unexplained = False
            self.observer.on_refused(self, unsettled, error)
        else:
            self._unexplained = True
            self.retry_later()

    def on_channel_lost(self, cause: Exception | None) -> None:
        """Go offline. The sent publications are suspects if the cause names their method."""
        if cause is not None and is_refusal_of(cause, BasicPublish()):
            self.suspects.accuse(self.unanswered())
        super().on_channel_lost(cause)

    def on_no_channel(self, error: CoolAMQPError) -> None:
        """Fail all publications, and try again later."""
        for publication in self.take_all():
            self.observer.give_up(publication, error)
        self.retry_later()

    def on_return(self, method: BasicReturn, properties: bytes, body: Any) -> None:
        """Record a returned message; its confirm comes after it."""
        self._returns.enter(returned(method, properties, body))

    def on_settlement(self, delivery_tag: int, multiple: bool, acked: bool) -> None:
        """Settle the publications that the broker has confirmed or refused."""
        try:
            settled = self._ledger.settle(delivery_tag, multiple)
        except WireError as violation:  # The broker counts differently, and may mislead us.
            self.close_after(violation.what)
            return
        self._unexplained = False
        self.observer.on_settled(self, settled, acked)
        if not len(self._ledger):
            for error in self._returns.clear():
                self.effects.log(
                    LogEvent.UNEXPECTED_IGNORED,
                    f'the broker has returned a message that CoolAMQP did not send: {error}',
                    cause=error,
                )
        self.pump()
