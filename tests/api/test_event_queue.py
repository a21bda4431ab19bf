"""Events that wait for somebody to ask for them."""

from __future__ import annotations

import pytest

from coolamqp.api.event_queue import OTHER_EVENTS_MAX, EventQueue
from coolamqp.attaches.events import ConnectionLost, Event, MessageReceived, TopologyRestored
from tests.support.deliveries import deliveries
from tests.support.scripted_broker import NODE


def news(count: int) -> list[Event]:
    return [TopologyRestored(NODE) for _ in range(count)]


def messages(count: int) -> list[Event]:
    return [MessageReceived(message) for message in deliveries(count)]


def queue_of(*events: Event) -> EventQueue:
    queue = EventQueue()
    for event in events:
        assert queue.put(event)
    return queue


def test_events_come_in_their_order() -> None:
    events = [*messages(1), *news(1), *messages(1)]
    queue = queue_of(*events)
    assert queue.pop() is events[0]
    assert queue.take_all() == events[1:]
    assert not queue


def test_a_lost_connection_is_told_once_until_somebody_reads_of_it() -> None:
    queue = queue_of(ConnectionLost())
    assert not queue.put(ConnectionLost())
    queue.pop()
    assert queue.put(ConnectionLost())


def test_a_lost_connection_is_told_again_after_other_events() -> None:
    queue = queue_of(ConnectionLost(), *messages(1))
    assert queue.put(ConnectionLost())


def test_the_oldest_news_is_forgotten_if_nobody_reads_any(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first_message, *others = messages(OTHER_EVENTS_MAX)
    all_news = news(OTHER_EVENTS_MAX + 2)
    queue = queue_of(first_message, *all_news, *others)
    assert queue.take_all() == [first_message, *all_news[2:], *others]
    queue.log_dropped()
    assert caplog.text.count('dropped the oldest') == 2


@pytest.mark.parametrize('read', [EventQueue.take_all, EventQueue.pop])
def test_news_that_is_read_makes_room(read: object, caplog: pytest.LogCaptureFixture) -> None:
    queue = queue_of(*news(OTHER_EVENTS_MAX))
    assert callable(read)
    read(queue)
    queue.put(TopologyRestored(NODE))
    queue.log_dropped()
    assert caplog.text == ''
