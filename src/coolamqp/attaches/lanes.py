"""Lanes: channels for destinations in trouble, so that all others go on undisturbed.

RabbitMQ closes a channel when it refuses a publication, and does not say which one. A destination
that was refused gets a lane of its own, until the broker confirms a message of it. A lane also
searches for a refused publication among several: it sends fewer and fewer of them at a time, until
the refused one is alone (https://www.rabbitmq.com/docs/channels#error-handling). If all channels of
the connection are in use, the channel for all destinations searches in this way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from coolamqp.attaches.confirm_channel import UNLIMITED, ConfirmChannel, ConfirmObserver
from coolamqp.attaches.publication import Publication
from coolamqp.attaches.refusals import exchange_in, whole_exchange_in
from coolamqp.exceptions import AMQPError

# More destinations in trouble than this share the last lane.
LANES_MAX: Final = 16

# An exchange with a routing key, or with None for all its routing keys.
LaneKey: TypeAlias = tuple[bytes, bytes | None]


class Lane(ConfirmChannel):
    """A channel for destinations in trouble.

    :ivar for_suspects: whether it is the lane for suspects, see `Suspects`
    """

    def __init__(self, observer: ConfirmObserver, for_suspects: bool) -> None:
        super().__init__()
        self._observer = observer
        self.for_suspects = for_suspects
        self.unsettled_max = UNLIMITED if for_suspects else 1

    @property
    def observer(self) -> ConfirmObserver:
        """The object that decides about the publications."""
        return self._observer

    def may_send(self, out_size: int) -> bool:
        """Whether to send one more publication, see `ConfirmChannel`."""
        if not super().may_send(out_size):
            return False
        publication = self.unsent[0]
        return self.suspects.may_send(
            publication, partial(self._observer.give_up, publication), self.pump
        )

    def end(self) -> None:
        """Close the channel for good."""
        self.connection = None  # A due retry then does nothing.
        if self.channel is not None:
            self.channel.close()


class Lanes:
    """The lanes of one publisher.

    :param main: the channel for all other destinations
    :param fail: called with a refused publication and its error
    :ivar channels: all lanes
    """

    def __init__(
        self,
        main: ConfirmChannel,
        observer: ConfirmObserver,
        fail: Callable[[Publication, Exception], None],
    ) -> None:
        self._main = main
        self._observer = observer
        self._fail = fail
        self.channels: list[Lane] = []
        self._lanes: dict[LaneKey, Lane] = {}

    @property
    def active(self) -> bool:
        """Whether there is a lane."""
        return len(self.channels) > 0

    def lane_of(self, publication: Publication) -> Lane | None:
        """Return the lane of a publication; None if its destination is not in trouble."""
        if not self._lanes:
            return None
        return self._lanes.get((publication.exchange, None)) or self._lanes.get(key_of(publication))

    def open_for_suspect(self, publication: Publication) -> Lane | None:
        """Return the lane for suspects, see `Suspects`. The whole destination uses it from now."""
        lane = next((each for each in self.channels if each.for_suspects), None)
        if lane is None:
            lane = self._open(for_suspects=True)
        if lane is not None:
            self._assign({key_of(publication)}, lane)
        return lane

    def open_for_refused(self, publication: Publication) -> None:
        """Open a new lane for a destination, unless it has one.

        RabbitMQ 3.10 refuses everything that a channel publishes to a quorum queue, if the leader
        of the queue was away at the first publication, until its node is back.
        """
        lane = self._open() if self.lane_of(publication) is None else None
        if lane is not None:
            self._assign({key_of(publication)}, lane)

    def on_refused(
        self, channel: ConfirmChannel, publications: list[Publication], error: AMQPError
    ) -> None:
        """Handle the refusal of one of these publications, the first unsent ones of a channel."""
        if len(publications) == 1:
            self._fail(channel.unsent.popleft(), error)
            self._isolate(channel, publications[0], error)
        elif channel is self._main:
            self._search(publications, error)
        else:
            channel.unsettled_max = max(len(publications) // 2, 1)
            channel.open()

    def on_settled(self, channel: ConfirmChannel) -> None:
        """Send more at a time on a channel that the broker accepts from. End an idle lane."""
        channel.unsettled_max = min(channel.unsettled_max * 2, UNLIMITED)
        if isinstance(channel, Lane) and channel.idle:
            self._end(channel)

    def take_all(self) -> list[Publication]:
        """End all lanes, which have lost their connection, and return their publications."""
        taken = [publication for lane in self.channels for publication in lane.take_all()]
        self.channels.clear()
        self._lanes.clear()
        return taken

    def _search(self, publications: list[Publication], error: AMQPError) -> None:
        """Move the publications that may have been refused to a new lane."""
        self._main.open()
        named = exchange_in(error)
        lane = self._open()
        if lane is None:
            self._main.unsettled_max = max(len(publications) // 2, 1)
        elif named is not None and any(each.exchange == named for each in publications):
            self._assign({(named, None)}, lane)
        else:
            lane.unsettled_max = max(len(publications) // 2, 1)
            self._assign({key_of(each) for each in publications}, lane)

    def _isolate(self, channel: ConfirmChannel, refused: Publication, error: AMQPError) -> None:
        """Move the destination of a refused publication to a lane of its own."""
        exchange = refused.exchange
        whole = whole_exchange_in(error) == exchange
        key: LaneKey = (exchange, None if whole else refused.routing_key)
        if whole:
            for each in (self._main, channel):
                self._fail_unsent(each, exchange, error)
        if [each for each, used in self._lanes.items() if used is channel] == [key]:
            channel.retry_later()  # The pause spares the broker, and so all other destinations.
        else:
            channel.open()
            lane = self._open()
            if lane is not None:
                self._assign({key}, lane)

    def _fail_unsent(self, channel: ConfirmChannel, exchange: bytes, error: AMQPError) -> None:
        """Fail the unsent publications to an exchange that is missing or forbidden."""
        refused = [each for each in channel.unsent if each.exchange == exchange]
        channel.unsent = deque(each for each in channel.unsent if each.exchange != exchange)
        for publication in refused:
            self._fail(publication, error)

    def _open(self, for_suspects: bool = False) -> Lane | None:
        """Return a new lane, the last one if there are too many, or None if no channel is free."""
        main = self._main
        no_channel = main.connection is not None and not main.connection.has_free_channel
        if len(self.channels) >= LANES_MAX or no_channel:
            return self.channels[-1] if self.channels else None
        lane = Lane(self._observer, for_suspects)
        self.channels.append(lane)
        lane.join(main.effects, main.timers, main.suspects, main.counters)
        lane.release()
        if main.connection is not None:
            lane.attach(main.connection)
        return lane

    def _assign(self, keys: set[LaneKey], lane: Lane) -> None:
        """Move some destinations to a lane, with their unsent publications."""
        self._lanes = {
            key: each
            for key, each in self._lanes.items()
            if key not in keys and (key[0], None) not in keys
        }
        self._lanes.update(dict.fromkeys(keys, lane))
        for channel in (self._main, *self.channels):
            moved = [each for each in channel.unsent if self.lane_of(each) is lane]
            if moved and channel is not lane:
                channel.unsent = deque(
                    each for each in channel.unsent if self.lane_of(each) is not lane
                )
                lane.queue(moved)
        lane.pump()
        for other in list(self.channels):
            if other.idle and other not in self._lanes.values():
                self._end(other)

    def _end(self, lane: Lane) -> None:
        self._lanes = {key: each for key, each in self._lanes.items() if each is not lane}
        self.channels.remove(lane)
        lane.end()


def key_of(publication: Publication) -> LaneKey:
    """Return the key of the destination of a publication."""
    return publication.exchange, publication.routing_key
