"""Everything that the engine has on channels: who they are, and whether they owe anybody anything.

The publishers and the declarer are always there. Consumers come and go, and what few programs need
(fetching, requests, transactions) is made when it is first asked for.
"""

from __future__ import annotations

from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.channeler import Channeler
from coolamqp.attaches.consumer import Consumer
from coolamqp.attaches.declarer import Declarer
from coolamqp.attaches.effects import Effects, Face
from coolamqp.attaches.getter import Getter
from coolamqp.attaches.publisher import PlainPublisher, Publisher
from coolamqp.attaches.requester import Requester
from coolamqp.attaches.timers import Timers
from coolamqp.attaches.transactor import Transactor
from coolamqp.uplink.connection import Connection


class Registry:
    """The attaches of one engine.

    :param face: whom consumers and messages ask to act
    :ivar connection: where those that are made from now on take up their work; None if nowhere yet
    """

    def __init__(self, face: Face, effects: Effects, timers: Timers) -> None:
        self.connection: Connection | None = None
        self.publisher = Publisher()
        self.plain_publisher = PlainPublisher()
        self.declarer = Declarer()
        self.consumers: list[Consumer] = []
        self._getters: dict[bytes, Getter] = {}
        self._requester: Requester | None = None
        self._transactor: Transactor | None = None
        self._face = face
        self._outcomes = effects
        self._timers = timers
        self._dirty_ledgers: list[AckLedger] = []
        for attach in (self.publisher, self.plain_publisher, self.declarer):
            attach.adopt(effects, timers)

    def add_consumer(self, consumer: Consumer) -> None:
        """Have one more consumer.

        :raises ValueError: it was added before, here or elsewhere
        """
        consumer.join(self._face, self._dirty_ledgers)
        consumer.adopt(self._outcomes, self._timers)
        self.drop_cancelled()
        self.consumers.append(consumer)

    def drop_cancelled(self) -> None:
        """Forget the consumers that are cancelled."""
        self.consumers = [consumer for consumer in self.consumers if not consumer.cancelled]

    def getter(self, queue: bytes) -> Getter:
        """Give what fetches from a queue."""
        getter = self._getters.get(queue)
        if getter is None:
            getter = Getter(queue, self._face, self._dirty_ledgers, self._forget_getter)
            self._getters[queue] = getter
            self._take_up(getter)
        return getter

    def _forget_getter(self, getter: Getter) -> None:
        del self._getters[getter.queue]

    @property
    def requester(self) -> Requester:
        """What sends requests."""
        if self._requester is None:
            self._requester = Requester(self._face)
            self._take_up(self._requester)
        return self._requester

    @property
    def transactor(self) -> Transactor:
        """What commits transactions."""
        if self._transactor is None:
            self._transactor = Transactor()
            self._take_up(self._transactor)
        return self._transactor

    def _take_up(self, attach: Channeler) -> None:
        attach.adopt(self._outcomes, self._timers)
        if self.connection is not None:
            attach.attach(self.connection)

    def restorable(self) -> list[Channeler]:
        """Give all that take up their work once the topology is restored."""
        rare = (self._requester, self._transactor)
        return [
            self.publisher,
            self.plain_publisher,
            *self.consumers,
            *self._getters.values(),
            *(attach for attach in rare if attach is not None),
        ]

    @property
    def busy(self) -> bool:
        """Whether somebody may wait for what is still to be received."""
        return self.declarer.busy or any(attach.busy for attach in self.restorable())

    def detach(self, cause: Exception | None) -> None:
        """Note that the connection is gone."""
        self.connection = None
        self.drop_cancelled()
        for attach in (self.declarer, *self.restorable()):
            attach.detach(cause)
        self.publisher.hold()

    def flush(self) -> None:
        """Have everything that may be sent in the connection's `out`."""
        if self._dirty_ledgers:
            ledgers = list(self._dirty_ledgers)
            self._dirty_ledgers.clear()
            for ledger in ledgers:
                ledger.flush()
        self.publisher.pump()

    def fail_all(self, error: Exception) -> None:
        """End everything that is left, so that nobody waits for ever."""
        for attach in (self.declarer, *self.restorable()):
            attach.fail_all(error)
        for consumer in self.consumers:
            consumer.begin_cancel(None)
        self.consumers.clear()
