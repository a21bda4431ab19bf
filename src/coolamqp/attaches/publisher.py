"""The publisher with confirms.

It keeps each message from the call until its confirm. It sends messages in order, and resends
unconfirmed messages after the loss of a channel. Its own channel is for all destinations that are
not in trouble. Pauses hold the destinations that the broker refuses at the moment, and lanes carry
those that it has closed a channel for. So a nack or a refusal costs no other destination anything.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from coolamqp.attaches.channeler import ST_ONLINE
from coolamqp.attaches.confirm_channel import UNLIMITED, ConfirmChannel, ConfirmObserver
from coolamqp.attaches.counters import Counters
from coolamqp.attaches.effects import Effects
from coolamqp.attaches.lanes import Lanes
from coolamqp.attaches.pauses import Pauses
from coolamqp.attaches.promise import Promise
from coolamqp.attaches.publication import Publication, number_of
from coolamqp.attaches.publish_times import PublishTimes
from coolamqp.attaches.suspects import Suspects
from coolamqp.exceptions import AMQPError, MessageRefused
from coolamqp.timers import Timers

# The default time to resend a message that the broker refuses (`basic.nack`), in seconds.
NACK_TIMEOUT: Final = 10.0


class Publisher(ConfirmChannel, ConfirmObserver):
    """The attach that publishes with confirms.

    :param nack_timeout: the time to resend a refused message, in seconds; 0 fails it at once
    :ivar held: the number of unconfirmed messages, sent or not
    :ivar held_bytes: their size for the publish window, in bytes
    :ivar calls: the number of all messages so far
    """

    def __init__(self, nack_timeout: float) -> None:
        super().__init__()
        self.held = 0
        self.held_bytes = 0
        self.calls = 0
        self._unconfirmed_ends = 0  # the messages that were returned, withdrawn, or have failed
        self._times = PublishTimes(self._oldest_or_less)
        self._nack_timeout = nack_timeout
        self._pauses = Pauses(self._resend, self._all_unsettled, self._fail, nack_timeout)
        self._lanes = Lanes(self, self, self._fail)

    def join(
        self,
        effects: Effects,
        timers: Timers,
        suspects: Suspects,
        counters: Counters | None = None,
    ) -> None:
        """Become part of an engine."""
        super().join(effects, timers, suspects, counters)
        self._pauses.join(timers)

    @property
    def observer(self) -> ConfirmObserver:
        """The publisher itself."""
        return self

    def publish(self, publication: Publication) -> None:
        """Send a message, now or later, and keep it until its confirm."""
        self.held += 1
        self.held_bytes += publication.size
        self.calls += 1
        publication.number = self.calls
        channel, connection = self.channel, self.connection
        if (
            channel is None
            or connection is None
            or self.unsent
            or self.state != ST_ONLINE
            or not self.may_send(connection.out.size)
        ):
            self.unsent.append(publication)
        elif not self.diverts(publication, self):
            self.send(publication, channel, connection.limits.frame_max)

    @property
    def promises(self) -> list[Promise]:
        """The promises of the unconfirmed messages, in the order of publishing."""
        held = [*self._all_unsettled(), *self._pauses.publications]
        for channel in self._channels:
            held += channel.unsent
        held.sort(key=number_of)
        return [each.promise for each in held if each.promise is not None]

    @property
    def busy(self) -> bool:
        """Whether a message is unconfirmed."""
        return self.held > 0

    # Statistics

    @property
    def confirmed(self) -> int:
        """The number of confirmed messages so far: of all but those with another end."""
        return self.calls - self.held - self._unconfirmed_ends

    def mark_time(self, now: float) -> None:
        """Record that all messages so far were published by now."""
        self._times.mark(self.calls, now)

    def oldest_age(self, now: float) -> float:
        """Return the age of the oldest unconfirmed message, in seconds; 0 if there is none."""
        oldest = self._oldest() if self.held else 0
        return self._times.age(oldest, now) if oldest else 0.0

    def _oldest(self) -> int:
        """Return the number of the oldest unconfirmed message; 0 if there is none."""
        if not self._in_trouble:  # The messages are in the order of their numbers.
            first = self.first
            return 0 if first is None else first.number
        held = [*self._all_unsettled(), *self._pauses.publications]
        for channel in self._channels:
            held += channel.unsent
        return min([each.number for each in held], default=0)

    def _oldest_or_less(self) -> int:
        return 1 if self._in_trouble else self._oldest()

    def withdraw(self, publication: Publication) -> bool:
        """Remove a message that is not sent yet. Return False if it was sent."""
        if publication.sent:
            return False
        for channel in self._channels:
            if publication in channel.unsent:
                channel.unsent.remove(publication)
                break
        else:
            if not self._pauses.withdraw(publication):
                return False
        self._pauses.forget(publication)
        self._forget(publication)
        self._unconfirmed_ends += 1
        return True

    def detach(self, cause: Exception | None) -> None:
        """Go offline with all lanes, because the connection is lost."""
        super().detach(cause)
        for lane in self._lanes.channels:
            lane.detach(cause)
        rest = self.take_all() + self._lanes.take_all() + self._pauses.take_all()
        self.unsent = deque(sorted(rest, key=number_of))
        self.hold()

    def fail_all(self, error: Exception) -> None:
        """Fail all unconfirmed messages."""
        rest = self.take_all() + self._lanes.take_all() + self._pauses.take_all()
        for publication in sorted(rest, key=number_of):
            self._fail(publication, error)

    def _fail(self, publication: Publication, error: Exception) -> None:
        self._forget(publication)
        self._unconfirmed_ends += 1
        if isinstance(error, (AMQPError, MessageRefused)):
            self.counters.refused += 1
        self.effects.fail(publication.promise, error)

    def _forget(self, publication: Publication) -> None:
        self.held -= 1
        self.held_bytes -= publication.size

    # Destinations in trouble

    @property
    def _in_trouble(self) -> bool:
        return (
            self._pauses.active
            or self._lanes.active
            or self.suspects.active
            or self.unsettled_max < UNLIMITED  # It searches for a refused publication.
        )

    @property
    def _channels(self) -> list[ConfirmChannel]:
        return [self, *self._lanes.channels]

    def _all_unsettled(self) -> list[Publication]:
        return [each for channel in self._channels for each in channel.unsettled]

    def diverts(self, publication: Publication, channel: ConfirmChannel) -> bool:
        """Queue a publication in the pause or the lane of its destination, if it has one."""
        if not self._in_trouble:
            return False
        lane = self._lanes.lane_of(publication)
        if lane is None and self.suspects.is_suspect(publication):
            lane = self._lanes.open_for_suspect(publication)
        if lane is None or lane is channel:
            return self._pauses.holds(publication)
        lane.queue([publication])
        lane.pump()
        return True

    def _resend(self, publications: list[Publication], refused_again: bool) -> None:
        """Send publications of one destination again."""
        if publications:
            if refused_again:
                self._lanes.open_for_refused(publications[0])
            channel = self._lanes.lane_of(publications[0]) or self
            channel.queue(publications)
            channel.pump()

    # Calls of the channels

    def on_settled(
        self, channel: ConfirmChannel, publications: list[Publication], acked: bool
    ) -> None:
        """End the promises of confirmed messages, and pause the destinations of refused ones."""
        if acked:
            effects = self.effects
            for publication in publications:
                self._forget(publication)
                error = channel.take_return(publication) if publication.mandatory else None
                if error is None:
                    effects.succeed(publication.promise)
                else:
                    self._unconfirmed_ends += 1
                    self.counters.returned += 1
                    effects.fail(publication.promise, error)
        else:
            self._on_nacked(channel, publications)
        if self._in_trouble:
            if acked:
                self._pauses.on_ended(publications)
            self._lanes.on_settled(channel)
            for publication in publications:
                self.suspects.on_answer(publication)

    def _on_nacked(self, channel: ConfirmChannel, publications: list[Publication]) -> None:
        self.counters.nacked += len(publications)
        for publication in publications:
            channel.take_return(publication)
            if not self._nack_timeout:
                self._fail(publication, MessageRefused())
        if self._nack_timeout:
            self._pauses.on_refused(publications)

    def on_unsettled(self, channel: ConfirmChannel, publications: list[Publication]) -> None:
        """Handle publications that will be sent again."""
        self.counters.resent += len(publications)
        self._pauses.on_unsettled(publications)
        if channel.connection is not None:
            for publication in publications:
                self.suspects.on_answer(publication)

    def on_refused(
        self, channel: ConfirmChannel, publications: list[Publication], error: AMQPError
    ) -> None:
        """Fail the refused publication, or search for it."""
        self._lanes.on_refused(channel, publications, error)

    def give_up(self, publication: Publication, error: Exception) -> None:
        """Fail a publication that must not be sent, or sent again."""
        if publication in self.unsent:
            self.unsent.remove(publication)
        self._fail(publication, error)
        self._pauses.forget(publication)
        self._pauses.on_ended([publication])
