"""The commands of a test for an engine, and the calls of its consumers and messages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from coolamqp.attaches.ack_ledger import AckLedger
from coolamqp.attaches.consumer import Consumer, subscription_of
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.getter import Fetch
from coolamqp.attaches.mailbox import Item, Mailbox
from coolamqp.attaches.publication import Publication
from coolamqp.attaches.requester import Request
from coolamqp.attaches.subscription import Subscription
from coolamqp.attaches.transactor import Commit
from coolamqp.framing.properties import BasicContentPropertyList
from coolamqp.objects import Message, Queue
from coolamqp.objects.message import Settlement
from coolamqp.supervisor.engine import Engine
from tests.support.ending import Ending
from tests.support.scripted_broker import Clock


class Commands(ABC):
    """The commands of a rig to its engine. The rig is also the owner of consumers and messages."""

    engine: Engine
    clock: Clock
    callbacks: list[tuple[Mailbox, Item]]

    @abstractmethod
    def carry_out(self) -> None:
        """Carry out the effects of the engine."""

    def publish(
        self,
        body: bytes,
        exchange: bytes = b'',
        *,
        key: bytes = b'key',
        mandatory: bool = False,
        timeout: float | None = None,
    ) -> Ending:
        """Publish a message with a confirm."""
        publication = Publication(Message(body), exchange, key, mandatory)
        publication.promise = promise = Ending()
        self.engine.window.publish(publication, timeout)
        return promise

    def fetch(self, queue: bytes = b'q', *, no_ack: bool = False) -> Ending:
        """Fetch a message."""
        promise = Ending()
        self.engine.fetch(queue, Fetch(no_ack, promise))
        return promise

    def request(
        self,
        body: bytes = b'?',
        timeout: float | None = None,
        properties: BasicContentPropertyList | None = None,
    ) -> Ending:
        """Send a request."""
        promise = Ending()
        self.engine.advance(self.clock.now)
        self.engine.request(Request(Message(body, properties), b'server', timeout, promise))
        return promise

    def commit(self, *publications: Publication) -> Ending:
        """Commit a transaction."""
        promise = Ending()
        self.engine.commit(Commit(list(publications), promise))
        return promise

    def consume(self, queue: Queue | None = None, **arguments: Any) -> Consumer:
        """Start a consumer whose future is an `Ending`."""
        consumer = Consumer(queue or Queue('jobs'), None, future_to_notify=Ending(), **arguments)
        self.add(consumer)
        return consumer

    def add(self, consumer: Consumer, promise: Ending | None = None) -> None:
        """Start a consumer."""
        self.engine.consume(subscription_of(consumer), promise)

    # For consumers and messages

    def cancel(self, subscription: Subscription, timeout: float | None) -> Ending:
        promise = Ending()
        self.engine.cancel(subscription, promise, timeout)
        self.carry_out()
        return promise

    def change_prefetch(self, subscription: Subscription, prefetch_count: int) -> None:
        self.engine.change_prefetch(subscription, prefetch_count)

    def deliver(self, subscription: Subscription, message: Delivery) -> None:
        self.callbacks.append((subscription.mailbox, message))

    def publish_reply(self, answer: Message, routing_key: bytes) -> Ending:
        publication = Publication(answer, b'', routing_key)
        publication.promise = promise = Ending()
        self.engine.window.publish(publication)
        return promise

    def settle(self, ledger: AckLedger, delivery_tag: int, how: Settlement, multiple: bool) -> bool:
        counts = ledger.settle(delivery_tag, how, multiple)
        self.engine.announce(ledger)
        return counts

    def retry(self, ledger: AckLedger, delivery_tag: int, publication: Publication) -> bool:
        if not ledger.begin_retry(delivery_tag):
            return False
        publication.promise = Ending()
        self.engine.window.publish(publication)
        return True
