"""The counters of an engine: each attach counts in the same ones."""

from __future__ import annotations

from coolamqp.attaches.counters import Counters
from tests.support.rig import Rig


def test_all_counters_begin_at_zero() -> None:
    assert not any(value for _, value in counted(Counters()))


def test_the_messages_of_two_consumers_count_together() -> None:
    rig = Rig()
    broker = rig.up()
    for _ in range(2):
        rig.consume(no_ack=True)
        broker.serve()
    for channel in broker.consumers:
        broker.deliver(channel, 1)

    assert rig.engine.stats(rig.clock.now).delivered == 2


def test_messages_of_a_consumer_that_has_ended_count_on() -> None:
    rig = Rig()
    broker = rig.up()
    consumer = rig.consume(no_ack=True)
    broker.serve()
    (channel,) = broker.consumers
    broker.deliver(channel, 1)
    consumer.cancel()
    broker.serve()
    rig.carry_out()

    stats = rig.engine.stats(rig.clock.now)
    assert (stats.consumers, stats.delivered) == (0, 1)


def counted(counters: Counters) -> list[tuple[str, int]]:
    names = [name for name in dir(counters) if not name.startswith('_')]
    assert names
    return [(name, getattr(counters, name)) for name in names]
