"""Events on their way to `drain`."""

from __future__ import annotations

import asyncio

from coolamqp.aio.events import MessageReceived, NothingMuch
from coolamqp.aio.inbox import Inbox
from coolamqp.objects import ReceivedMessage


def message(body: bytes) -> MessageReceived:
    return MessageReceived(ReceivedMessage(body, 'exchange', 'key'))


async def test_events_come_out_in_order() -> None:
    inbox, first, second = Inbox(), message(b'1'), message(b'2')
    inbox.put(first)
    inbox.put(second)

    assert await inbox.take(0) is first
    assert await inbox.take(None) is second
    assert isinstance(await inbox.take(0), NothingMuch)


async def test_each_event_goes_to_one_of_those_who_wait() -> None:
    inbox = Inbox()
    takers = [asyncio.create_task(inbox.take(None)) for _ in range(3)]
    await asyncio.sleep(0)
    events = [message(b'%d' % number) for number in range(3)]
    for event in events:
        inbox.put(event)

    assert await asyncio.gather(*takers) == events


async def test_a_taker_that_is_cancelled_takes_nothing_with_it() -> None:
    inbox, event = Inbox(), message(b'1')
    taker = asyncio.create_task(inbox.take(None))
    await asyncio.sleep(0)
    inbox.put(event)
    taker.cancel()
    await asyncio.wait([taker])

    assert await inbox.take(0) is event


async def test_closing_ends_all_waiting() -> None:
    inbox = Inbox()
    takers = [asyncio.create_task(inbox.take(None)) for _ in range(3)]
    await asyncio.sleep(0)
    inbox.close()

    assert [type(event) for event in await asyncio.gather(*takers)] == [NothingMuch] * 3
