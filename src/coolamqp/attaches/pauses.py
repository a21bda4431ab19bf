"""Pauses: destinations whose publications the broker refuses at the moment (`basic.nack`).

A nack says something about a queue at that moment, not about the message. A quorum queue refuses
messages while it elects a leader, for instance. So the publications of the destination wait, and
the first one, the probe, is resent alone after a growing delay. Its confirm ends the pause. Other
destinations are not affected (https://www.rabbitmq.com/docs/confirms#server-sent-nacks).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Final, TypeAlias

from coolamqp.attaches.publication import Publication
from coolamqp.exceptions import MessageRefused
from coolamqp.timers import Timer, Timers

# The delay before a refused publication is resent, in seconds. It doubles each time.
RESEND_SECONDS_MIN: Final = 0.05
RESEND_SECONDS_MAX: Final = 1.0

Destination: TypeAlias = tuple[bytes, bytes]


class Pause:
    """The pause of one destination.

    :ivar waiting: the waiting publications
    :ivar since: the time since which a publication waits, also while it is resent
    :ivar outstanding: the publications that were sent before the pause, and are not settled yet
    :ivar due: whether the next publication is the probe
    :ivar probe: the publication that is resent alone
    :ivar delay: the delay before the next resend, in seconds
    """

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self.waiting: list[Publication] = []
        self.since: dict[Publication, float] = {}
        self.outstanding: set[Publication] = set()
        self.due = False
        self.probe: Publication | None = None
        self.delay = RESEND_SECONDS_MIN
        self.timer: Timer | None = None

    def add(self, publication: Publication, now: float) -> None:
        """Add a publication, which waits from now on unless it waited before."""
        self.since.setdefault(publication, now)
        self.waiting.append(publication)

    def take_all(self) -> list[Publication]:
        """Remove and return the waiting publications."""
        taken, self.waiting = self.waiting, []
        return taken

    def take_expired(self, since: float) -> list[Publication]:
        """Remove and return the publications that wait since this time or longer."""
        expired = [each for each in self.waiting if self.since[each] <= since]
        for publication in expired:
            del self.since[publication]
        self.waiting = [each for each in self.waiting if each in self.since]
        return expired

    def longest_wait(self) -> float:
        """Return the earliest time since which a publication waits; inf if none waits."""
        return min((self.since[each] for each in self.waiting), default=inf)


class Pauses:
    """The pauses of one publisher.

    :param resend: called with publications to send, and whether the first resend was refused
    :param unsettled: returns all publications that are sent and not settled
    :param fail: called with a publication that has waited too long, and its error
    :param timeout: the time from the first nack until a publication fails, in seconds
    """

    def __init__(
        self,
        resend: Callable[[list[Publication], bool], None],
        unsettled: Callable[[], list[Publication]],
        fail: Callable[[Publication, Exception], None],
        timeout: float,
    ) -> None:
        self._timeout = timeout
        self._resend = resend
        self._unsettled = unsettled
        self._fail = fail
        self._pauses: dict[Destination, Pause] = {}

    def join(self, timers: Timers) -> None:
        """Become part of an engine."""
        self._timers = timers

    @property
    def active(self) -> bool:
        """Whether there is a pause."""
        return len(self._pauses) > 0

    @property
    def publications(self) -> list[Publication]:
        """All waiting publications."""
        return [publication for pause in self._pauses.values() for publication in pause.waiting]

    def holds(self, publication: Publication) -> bool:
        """Add a publication that would be sent now to the pause of its destination.

        Return False if it must be sent, because there is no pause or because it is the probe.
        """
        pause = self._pause_of(publication)
        if pause is None:
            return False
        if pause.due:
            pause.due = False
            pause.probe = publication
            return False
        pause.add(publication, self._timers.now)
        self._schedule(pause)
        return True

    def withdraw(self, publication: Publication) -> bool:
        """Remove a publication that was never sent. Return False if it does not wait here."""
        pause = self._pause_of(publication)
        if pause is None or publication not in pause.waiting:
            return False
        pause.waiting.remove(publication)
        return True

    def forget(self, publication: Publication) -> None:
        """Forget how long a publication waits: it is withdrawn or has failed."""
        pause = self._pause_of(publication)
        if pause is not None:
            pause.since.pop(publication, None)

    def on_refused(self, refused: list[Publication]) -> None:
        """Start or continue the pauses of refused publications."""
        self._begin(refused)
        for publication in refused:
            pause = self._pauses[destination_of(publication)]
            if publication is pause.probe:
                pause.probe = None
                pause.delay = min(pause.delay * 2, RESEND_SECONDS_MAX)
            pause.outstanding.discard(publication)
            pause.add(publication, self._timers.now)
            self._schedule(pause)

    def _begin(self, refused: list[Publication]) -> None:
        """Start a pause for each destination that has none."""
        new = {destination_of(each) for each in refused}.difference(self._pauses)
        if not new:
            return
        for destination in new:
            self._pauses[destination] = Pause(destination)
        for publication in (*refused, *self._unsettled()):
            if destination_of(publication) in new:
                self._pauses[destination_of(publication)].outstanding.add(publication)

    def on_ended(self, publications: list[Publication]) -> None:
        """Handle confirmed or failed publications. The end of a probe ends the pause."""
        for publication in publications:
            pause = self._pause_of(publication)
            if pause is None:
                continue
            if publication is pause.probe:
                self._end(pause)
            else:
                pause.outstanding.discard(publication)
                self._schedule(pause)

    def on_unsettled(self, publications: list[Publication]) -> None:
        """Handle publications that have lost their channel, and will be sent again."""
        for publication in publications:
            pause = self._pause_of(publication)
            if pause is None:
                continue
            if publication is pause.probe:
                pause.probe = None
            pause.outstanding.discard(publication)
            self._schedule(pause)

    def take_all(self) -> list[Publication]:
        """End all pauses, and return their publications."""
        taken = [each for pause in self._pauses.values() for each in self._stop(pause)]
        self._pauses.clear()
        return taken

    def _pause_of(self, publication: Publication) -> Pause | None:
        return self._pauses.get(destination_of(publication))

    def _schedule(self, pause: Pause) -> None:
        """Resend after the delay, unless a publication of the destination is not settled yet."""
        if not (pause.timer or pause.probe or pause.due or pause.outstanding):
            left = pause.longest_wait() + self._timeout - self._timers.now
            delay = max(min(pause.delay, left), 0.0)
            pause.timer = self._timers.after(delay, partial(self._on_due, pause))

    def _on_due(self, pause: Pause) -> None:
        """Queue all waiting publications. The first one that would be sent becomes the probe."""
        pause.timer = None
        for publication in pause.take_expired(self._timers.now - self._timeout):
            self._fail(publication, refusal_for(self._timeout))
        pause.due = True
        publications = pause.take_all()
        if publications:
            self._resend(publications, pause.delay > RESEND_SECONDS_MIN)
        else:
            self._end(pause)

    def _end(self, pause: Pause) -> None:
        del self._pauses[pause.destination]
        self._resend(self._stop(pause), False)

    def _stop(self, pause: Pause) -> list[Publication]:
        if pause.timer is not None:
            self._timers.cancel(pause.timer)
        return pause.take_all()


def destination_of(publication: Publication) -> Destination:
    """Return the destination of a publication: its exchange and routing key."""
    return publication.exchange, publication.routing_key


def refusal_for(timeout: float) -> MessageRefused:
    """Return the error for a publication that was refused for this time, in seconds."""
    return MessageRefused(
        f'the broker has refused the messages of this destination for {timeout:g} s (basic.nack)'
    )
