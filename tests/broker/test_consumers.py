"""The consumers of a queue: whose turn it is."""

from __future__ import annotations

from coolamqp.broker.consumers import Consumers
from coolamqp.broker.delivery import Consumer, ConsumerChannel, Entry
from tests.broker.rig import Rig

_rig = Rig()
_rig.connect().declare('q')


class OneChannel(ConsumerChannel):
    """A channel that takes deliveries or does not."""

    def __init__(self) -> None:
        self.prefetch = 0
        self.unacked_count = 0
        self.takes = True

    @property
    def takes_deliveries(self) -> bool:
        return self.takes

    def deliver(self, consumer: Consumer, entry: Entry) -> None:
        """Take it."""

    def consumer_cancelled(self, consumer: Consumer) -> None:
        """Do nothing."""


def consumer(tag: str, priority: int = 0, *, exclusive: bool = False) -> Consumer:
    return Consumer(
        OneChannel(),
        _rig.queue('q'),
        tag.encode(),
        {},
        no_ack=False,
        exclusive=exclusive,
        prefetch=1,
        priority=priority,
    )


def block(*blocked: Consumer) -> None:
    for each in blocked:
        each.unacked = each.prefetch


def turns(consumers: Consumers, count: int) -> str:
    found = [consumers.next() for _ in range(count)]
    return ''.join('-' if each is None else each.tag.decode() for each in found)


def of(*added: Consumer, single_active: bool = False) -> Consumers:
    consumers = Consumers(single_active)
    for each in added:
        consumers.add(each)
    return consumers


def test_consumers_take_turns() -> None:
    assert turns(of(consumer('a'), consumer('b'), consumer('c')), 7) == 'abcabca'


def test_a_higher_priority_comes_first_as_long_as_it_can_take_messages() -> None:
    high = consumer('h', 5)
    consumers = of(consumer('l', -1), high, consumer('n'))
    assert turns(consumers, 3) == 'hhh'

    block(high)
    assert turns(consumers, 3) == 'nnn'

    high.unacked = 0
    assert turns(consumers, 1) == 'n'  # until the channel resumes it
    consumers.resume(high)
    assert turns(consumers, 2) == 'hh'


def test_a_consumer_that_cannot_take_messages_waits() -> None:
    a, b = consumer('a'), consumer('b')
    consumers = of(a, b)
    block(a, b)

    assert turns(consumers, 2) == '--'
    assert a.waits
    assert b.waits

    b.unacked = 0
    consumers.resume(b)
    consumers.resume(b)
    assert turns(consumers, 3) == 'bbb'
    assert len(consumers) == 2


def test_a_removed_consumer_has_no_turn() -> None:
    a, b, waiting = consumer('a'), consumer('b'), consumer('w')
    consumers = of(a, b, waiting)
    block(waiting)
    assert turns(consumers, 3) == 'aba'

    consumers.remove(a)
    consumers.remove(waiting)
    assert turns(consumers, 2) == 'bb'
    assert list(consumers) == [b]


def test_one_consumer_is_active_until_it_goes() -> None:
    a, b, high = consumer('a'), consumer('b'), consumer('h', 9)
    consumers = of(a, b, single_active=True)
    consumers.add(high)
    assert turns(consumers, 3) == 'aaa'

    block(a)
    assert turns(consumers, 1) == '-'

    consumers.remove(a)
    assert turns(consumers, 2) == 'hh'
    consumers.remove(high)
    assert turns(consumers, 1) == 'b'
    consumers.remove(b)
    assert turns(consumers, 1) == '-'


def test_the_only_one_is_exclusive() -> None:
    alone = consumer('a', exclusive=True)
    consumers = of(alone)
    assert consumers.exclusive

    consumers.remove(alone)
    assert not consumers.exclusive
