"""Clients that send anything at any time: random, and repeatable by a seed.

Between their steps time passes, and an operator interferes. One client behaves well, and must be
served in the end.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

from coolamqp.broker.errors import Refusal
from coolamqp.broker.policies import Policy
from coolamqp.framing.definitions import (
    BasicAck,
    BasicCancel,
    ChannelClose,
    ChannelCloseOk,
    ChannelOpen,
    ConnectionClose,
    ConnectionCloseOk,
)
from coolamqp.framing.frames import PROTOCOL_HEADER
from tests.behaviour.wire import Message
from tests.broker import invariants
from tests.broker.hostile_requests import HostileRequests
from tests.broker.hostile_values import CHANNELS, EXCHANGES, SOURCES
from tests.broker.rig import Client, Rig

HOSTILE_CLIENTS = 4
GOOD = 'good'  # the queue of the client that behaves well
DELAYS = (0.0, 0.001, 0.01, 0.1, 1.0, 6.0, 11.0)  # seconds


class Chaos:
    """A broker, hostile clients, and one client that behaves well."""

    def __init__(self, seed: int, rig: Rig | None = None) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - no secret
        self.rig = Rig() if rig is None else rig
        self.requests = HostileRequests(self.dice)
        self.good = self.rig.connect()
        self.good.declare(GOOD)
        for name, type_ in EXCHANGES.items():
            self.good.exchange(name, type_, durable=True)
        self.good.confirm()
        self.confirmed = 0
        self.clients = [self.newcomer() for _ in range(HOSTILE_CLIENTS)]

    def run(self, steps: int, check_every: int = 1) -> None:
        """Make steps, and check what holds after each of them or less often."""
        with no_errors_logged():
            for step in range(steps):
                self.step()
                if step % check_every == 0:
                    invariants.check(self.rig)
            if not self.rig.state.memory.short:
                self.check_good()
                invariants.check(self.rig)
            self.clean_up()
            self.check_good()

    def step(self) -> None:
        """Let one thing happen."""
        what = self.dice.random()
        if what < 0.05:
            self.rig.advance(self.dice.choice(DELAYS))
        elif what < 0.08:
            self.operate()
        else:
            self.act(self.dice.randrange(len(self.clients)))
        for client in self.clients:
            self.answer(client)

    def act(self, index: int) -> None:
        """Let a client do something."""
        client, dice = self.clients[index], self.dice
        if client.closed():
            self.clients[index] = self.newcomer()
            return
        what = dice.random()
        if what < 0.005:
            client.lose()
        elif what < 0.02:
            client.reads = not client.reads
            if client.reads:
                client.read_again()
        elif what < 0.03:
            client.feed(self.requests.garbage(client))
        else:
            count = dice.choice((1, 1, 1, 2, 5))
            client.feed(b''.join(self.requests.bytes_of(client) for _ in range(count)))

    def newcomer(self) -> Client:
        """Return another client, which may have begun a handshake only."""
        dice = self.dice
        if dice.random() < 0.9:
            client = self.rig.connect(heartbeat=dice.choice((0, 0, 0, 0, 5)))
            for number in CHANNELS[1:]:
                client.open_channel(number)
            return client
        client = self.rig.accept()
        client.feed(dice.choice((b'', PROTOCOL_HEADER, b'AMQP', b'HTTP/1.1 ', b'\0' * 8)))
        return client

    def answer(self, client: Client) -> None:
        """Answer closes as clients do, mostly, and drop what else has come."""
        for number, item in list(client.received):
            if isinstance(item, Message):
                item.properties.get('app_id')  # decodes all properties
            elif self.dice.random() < 0.02:
                continue
            elif isinstance(item, ChannelClose):
                client.send(ChannelCloseOk(), ChannelOpen(), channel=number)
            elif isinstance(item, ConnectionClose):
                client.send(ConnectionCloseOk(), channel=0)
        client.received.clear()

    def operate(self) -> None:
        """Do what a test or an operator may do."""
        core, faults = self.rig.core, self.rig.state.faults
        commands: tuple[Callable[[], Any], ...] = (
            core.raise_alarm,
            core.clear_alarm,
            core.clear_alarm,
            self.set_policy,
            lambda: self.rig.vhost.clear_policy(self.dice.choice('pq')),
            lambda: self.dice.choice(self.clients).connection.refuse(Refusal(320, 'so'), 0),
            lambda: self.dice.choice(self.clients).connection.close_channels(Refusal(406, 'so')),
            lambda: setattr(faults, 'nacks', 1),
            lambda: setattr(faults, 'lost_confirms', 1),
        )
        self.dice.choice(commands)()
        self.rig.run()

    def set_policy(self) -> None:
        """Set a policy, which may apply to no more than the queues of the hostile clients."""
        dice = self.dice
        definitions: tuple[dict[str, Any], ...] = (
            {'max-length': dice.randrange(4)},
            {'message-ttl': dice.choice((0, 10, 1000))},
            {'dead-letter-exchange': dice.choice(SOURCES)},
            {'dead-letter-exchange': '', 'dead-letter-routing-key': dice.choice('abcd')},
            {'alternate-exchange': dice.choice(SOURCES)},
            {'expires': 2000},
            {'delivery-limit': 1},
            {'overflow': 'reject-publish-dlx', 'max-length': 1},
            {'max-length-bytes': 2000},
        )
        pattern, kind = dice.choice(('^.$', '^a', 'x', 's')), dice.choice(('all', 'queues'))
        policy = Policy(
            dice.choice('pq'), pattern, kind, dice.randrange(3), dice.choice(definitions)
        )
        self.rig.vhost.set_policy(policy)

    def check_good(self) -> None:
        """Check that the client that behaves well is served."""
        self.rig.core.clear_alarm()
        self.rig.state.faults.nacks = self.rig.state.faults.lost_confirms = 0
        self.rig.run()
        good = self.good
        assert not good.closed()
        assert not good.take()
        bodies = [b'%d' % number for number in range(3)]
        tag = good.consume(GOOD)
        for body in bodies:
            good.publish(body, GOOD)
        messages = good.deliveries()
        assert [message.body for message in messages] == bodies
        good.ack(messages[-1].tag, multiple=True)
        self.confirmed += len(bodies)
        assert good.take()[-1] == BasicAck(self.confirmed, False)
        good.call(BasicCancel(tag))
        assert good.get(GOOD) is None

    def clean_up(self) -> None:
        """Let the hostile clients go and delete their queues; check that nothing is left."""
        rig = self.rig
        for client in rig.clients.values():
            if client is not self.good:
                client.lose()
        for queue in list(rig.vhost.queues.values()):
            if queue.name != GOOD.encode():
                rig.vhost.delete_queue(queue)
        rig.core.clear_alarm()
        rig.run()
        invariants.check(rig)
        assert rig.state.memory.used == 0
        assert rig.core.wake_at() == inf
        assert list(rig.core.connections) == [self.good.connection.number]


@contextmanager
def no_errors_logged() -> Iterator[None]:
    """Fail if the broker logs an error of its own."""
    records: list[logging.LogRecord] = []

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    notes, logger = Notes(logging.ERROR), logging.getLogger('coolamqp.broker')
    logger.addHandler(notes)
    try:
        yield
    finally:
        logger.removeHandler(notes)
    assert not records, '\n'.join(logging.Formatter().format(each) for each in records)
