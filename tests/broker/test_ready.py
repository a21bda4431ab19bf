"""The ready messages of a queue."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coolamqp.broker.delivery import Entry
from coolamqp.broker.message import BrokerMessage
from coolamqp.broker.ready import ReadyMessages
from coolamqp.framing.properties import NO_PROPERTIES
from tests.broker.rig import Rig

_rig = Rig()
_rig.connect().declare('q')


def entry(position: int, size: int = 1, expires_at: float | None = None) -> Entry:
    message = BrokerMessage(b'', b'q', NO_PROPERTIES, b'x' * size)
    made = Entry(message, _rig.queue('q'), position)
    if expires_at is not None:
        made.expires_at = expires_at
    return made


def positions(ready: ReadyMessages) -> list[int]:
    return [each.position for each in ready]


def test_messages_leave_in_their_order() -> None:
    ready = ReadyMessages()
    for number in (1, 2, 3):
        ready.append(entry(number))

    assert ready.first() is next(iter(ready))
    popped = [ready.pop() for _ in range(4)]
    assert [each and each.position for each in popped] == [1, 2, 3, None]
    assert ready.first() is None


def test_a_higher_priority_leaves_first() -> None:
    ready = ReadyMessages()
    for number, priority in ((1, 0), (2, 5), (3, 9), (4, 5)):
        ready.append(entry(number), priority)

    assert positions(ready) == [3, 2, 4, 1]


def test_a_requeued_message_returns_to_its_place() -> None:
    ready = ReadyMessages()
    for number in range(1, 6):
        ready.append(entry(number))
    taken = ready.clear()
    for index in (2, 0, 4, 3, 1):
        ready.insert(taken[index])

    assert positions(ready) == [1, 2, 3, 4, 5]


def test_count_and_size_are_those_of_the_messages() -> None:
    ready = ReadyMessages()
    ready.append(entry(1, 10))
    ready.append(entry(2, 20), 3)
    ready.insert(entry(3, 30))
    assert (ready.count, ready.size) == (3, 60)

    ready.pop()
    assert (ready.count, ready.size) == (2, 40)
    assert len(ready.clear()) == 2
    assert (ready.count, ready.size) == (0, 0)


def test_a_message_expires_at_the_head_and_exactly_at_its_time() -> None:
    ready = ReadyMessages()
    for number, time in ((1, 5.0), (2, 9.0), (3, 4.0)):
        ready.append(entry(number, expires_at=time))

    assert ready.next_expiry() == 5.0
    assert ready.pop_expired(4.999) == []
    assert [each.position for each in ready.pop_expired(5.0)] == [1]
    assert ready.next_expiry() == 9.0  # The third has expired, but is not at the head.
    assert [each.position for each in ready.pop_expired(9.0)] == [2, 3]
    assert ready.next_expiry() is None


def test_each_priority_has_a_head() -> None:
    ready = ReadyMessages()
    ready.append(entry(1, expires_at=9.0), 1)
    ready.append(entry(2, expires_at=5.0), 0)

    assert ready.next_expiry() == 5.0
    assert [each.position for each in ready.pop_expired(5.0)] == [2]


@given(st.permutations(range(8)), st.lists(st.integers(0, 2), min_size=8, max_size=8))
def test_inserting_keeps_the_order_of_positions(order: list[int], levels: list[int]) -> None:
    ready = ReadyMessages()
    shared = entry(0)
    for number in order:
        ready.insert(Entry(shared.message, shared.queue, number), levels[number])

    assert positions(ready) == sorted(order, key=lambda number: (-levels[number], number))
