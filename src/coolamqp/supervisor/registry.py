"""The registry of channels: the list of all attaches of one engine.

It always has the publishers and the declarer. It has a subscription for each consumer. It makes a
getter, the requester and the transactor when a program first needs one.
"""

from __future__ import annotations

from typing import Final

from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.channeler import Channeler
from coolamqp.attaches.counters import Counters
from coolamqp.attaches.declarer import Declarer
from coolamqp.attaches.effects import Effects
from coolamqp.attaches.getter import Getter
from coolamqp.attaches.plain_publisher import PlainPublisher
from coolamqp.attaches.publisher import Publisher
from coolamqp.attaches.requester import Requester
from coolamqp.attaches.subscription import ConsumerOwner, Subscription
from coolamqp.attaches.suspects import Suspects
from coolamqp.attaches.transactor import Transactor
from coolamqp.supervisor.topology import Topology
from coolamqp.timers import Timers
from coolamqp.uplink.connection import Connection

# The channels of the declarer and of the two publishers.
CHANNELS_MIN: Final = 3


class Registry:
    """The attaches of one engine.

    :param owner: the Cluster, for the calls of consumers and messages
    :param topology: the persistent declarations
    :param nack_timeout: the time to resend a refused message, in seconds
    :ivar connection: the connection for new attaches; None while they must wait
    :ivar suspects: the requests that may have ended a connection
    :ivar counters: what all attaches have done so far
    """

    def __init__(
        self,
        owner: ConsumerOwner,
        topology: Topology,
        effects: Effects,
        timers: Timers,
        nack_timeout: float,
    ) -> None:
        self.connection: Connection | None = None
        self.suspects = Suspects(timers)
        self.counters = Counters()
        self.publisher = Publisher(nack_timeout)
        self.plain_publisher = PlainPublisher()
        self.declarer = Declarer()
        self.subscriptions: list[Subscription] = []
        self._getters: dict[bytes, Getter] = {}
        self._requester: Requester | None = None
        self._transactor: Transactor | None = None
        self._owner = owner
        self._topology = topology
        self._effects = effects
        self._timers = timers
        self._dirty_ledgers: list[AckLedger] = []
        for attach in (self.publisher, self.plain_publisher, self.declarer):
            attach.join(effects, timers, self.suspects, self.counters)

    def add(self, subscription: Subscription) -> None:
        """Add a subscription.

        :raises ValueError: the consumer belongs to this or another Cluster already
        """
        subscription.belong_to(self._owner, self._dirty_ledgers, self._topology)
        subscription.join(self._effects, self._timers, self.suspects, self.counters)
        self.drop_cancelled()
        self.subscriptions.append(subscription)

    def drop_cancelled(self) -> None:
        """Remove cancelled subscriptions."""
        self.subscriptions = [each for each in self.subscriptions if not each.cancelled]

    def getter(self, queue: bytes) -> Getter:
        """Return the getter of a queue; make it if necessary."""
        getter = self._getters.get(queue)
        if getter is None:
            getter = Getter(queue, self._owner, self._dirty_ledgers, self._forget_getter)
            self._getters[queue] = getter
            self._begin(getter)
        return getter

    def _forget_getter(self, getter: Getter) -> None:
        del self._getters[getter.queue]

    @property
    def requester(self) -> Requester:
        """The requester, made at the first use."""
        if self._requester is None:
            self._requester = Requester(self._owner)
            self._begin(self._requester)
        return self._requester

    @property
    def requests(self) -> int:
        """The number of requests so far."""
        return 0 if self._requester is None else self._requester.requests

    @property
    def transactor(self) -> Transactor:
        """The transactor, made at the first use."""
        if self._transactor is None:
            self._transactor = Transactor()
            self._begin(self._transactor)
        return self._transactor

    def _begin(self, attach: Channeler) -> None:
        attach.join(self._effects, self._timers, self.suspects, self.counters)
        if self.connection is not None:
            attach.attach(self.connection)

    def declared_queues(self) -> set[bytes]:
        """Return the names of the queues that consumers declare when they set up."""
        names = (each.declared_queue for each in self.subscriptions if not each.cancelled)
        return {name for name in names if name is not None}

    def begin_recovery(self, connection: Connection) -> list[Channeler]:
        """Return the attaches to set up after the topology. New ones start at once from now on."""
        self.connection = connection
        self.drop_cancelled()
        return self.recoverable()

    def recoverable(self) -> list[Channeler]:
        """Return the attaches to set up after the topology."""
        rare = (self._requester, self._transactor)
        return [
            self.publisher,
            self.plain_publisher,
            *self.subscriptions,
            *self._getters.values(),
            *(attach for attach in rare if attach is not None),
        ]

    @property
    def busy(self) -> bool:
        """Whether a program may wait for an answer of the broker."""
        return self.declarer.busy or any(attach.busy for attach in self.recoverable())

    def detach(self, cause: Exception | None) -> None:
        """Detach all attaches from the lost connection."""
        self.connection = None
        self.drop_cancelled()
        for attach in (self.declarer, *self.recoverable()):
            attach.detach(cause)

    def flush(self) -> None:
        """Add acknowledgements and unsent messages to the send buffer."""
        if self._dirty_ledgers:
            ledgers = list(self._dirty_ledgers)
            self._dirty_ledgers.clear()
            for ledger in ledgers:
                ledger.flush()
        self.publisher.pump()

    def fail_all(self, error: Exception) -> None:
        """Fail everything that is pending, and cancel all consumers."""
        for attach in (self.declarer, *self.recoverable()):
            attach.fail_all(error)
        for subscription in self.subscriptions:
            subscription.begin_cancel(None)
        self.subscriptions.clear()
