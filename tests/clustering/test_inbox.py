"""Events on their way to `drain`."""

from __future__ import annotations

import threading

from coolamqp.clustering.events import Event, MessageReceived, NothingMuch
from coolamqp.clustering.inbox import Inbox
from coolamqp.objects import ReceivedMessage

PATIENCE = 20.0  # seconds


def message(body: bytes) -> MessageReceived:
    return MessageReceived(ReceivedMessage(body, 'exchange', 'key'))


def test_events_come_out_in_order() -> None:
    inbox, first, second = Inbox(threading.RLock()), message(b'1'), message(b'2')
    inbox.put(first)
    inbox.put(second)

    assert inbox.take(0) is first
    assert inbox.take(None) is second
    assert isinstance(inbox.take(0), NothingMuch)


def test_nothing_much_after_the_time_out() -> None:
    assert isinstance(Inbox(threading.RLock()).take(0.01), NothingMuch)


def test_who_waits_is_woken_by_an_event() -> None:
    inbox, event = Inbox(threading.RLock()), message(b'1')
    thread, taken = _take(inbox)
    inbox.put(event)
    thread.join(PATIENCE)

    assert taken == [event]


def test_closing_ends_all_waiting() -> None:
    inbox = Inbox(threading.RLock())
    takers = [_take(inbox) for _ in range(3)]
    inbox.close()
    for thread, taken in takers:
        thread.join(PATIENCE)
        assert [type(event) for event in taken] == [NothingMuch]


def test_what_is_left_can_be_taken_after_the_end() -> None:
    inbox, event = Inbox(threading.RLock()), message(b'1')
    inbox.put(event)
    inbox.close()

    assert inbox.take(None) is event
    assert isinstance(inbox.take(None), NothingMuch)


def _take(inbox: Inbox) -> tuple[threading.Thread, list[Event]]:
    taken: list[Event] = []
    thread = threading.Thread(target=lambda: taken.append(inbox.take(None)))
    thread.start()
    return thread, taken
