"""Callbacks and hooks: who is called when, and what becomes of what they raise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from coolamqp.aio.dispatcher import TURN, Dispatcher
from coolamqp.api.backlog import BACKLOG_MESSAGES
from coolamqp.attaches import Consumer
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.effects import Hook
from coolamqp.attaches.receiver import Receiver
from coolamqp.framing.definitions import BasicDeliver
from coolamqp.framing.frames import encode_method
from coolamqp.framing.hot import Envelope
from coolamqp.objects import Callable as CallableList
from coolamqp.objects import Queue, ReceivedMessage

END = 10.0  # seconds that the callbacks of a test may take
PAYLOAD = bytes(encode_method(1, BasicDeliver(b'tag', 1, False, b'', b'key'))[7:-1])


class Rig:
    """A dispatcher, and what it keeps for others."""

    def __init__(self) -> None:
        self.kept: list[ReceivedMessage] = []
        self.rooms = 0
        self.dispatcher = Dispatcher(
            'test', lambda consumer: consumer.on_message, self._keep, self._on_room
        )

    def _keep(self, consumer: Receiver, message: Delivery) -> None:
        self.kept.append(message)

    def _on_room(self) -> None:
        self.rooms += 1

    def post(self, consumer: Consumer, *items: Delivery | Hook) -> None:
        self.dispatcher.post([(consumer, item) for item in items])

    async def finish(self) -> None:
        await self.dispatcher.stop(END)
        assert self.dispatcher._tasks == set()


class Refusable(Delivery):
    """A message that notes whether and how it was refused."""

    def __init__(self, body: bytes) -> None:
        super().__init__(Envelope(PAYLOAD), b'\0\0', body, None, None)
        self.refusals: list[bool] = []

    def reject(self, requeue: bool = False) -> None:
        self.refusals.append(requeue)


def consumer(on_message: Callable[[Any], Any] | None, **options: Any) -> Consumer:
    return Consumer(Queue('queue'), on_message, **options)


def messages(count: int) -> list[Delivery]:
    return [Refusable(b'%d' % number) for number in range(count)]


@pytest.mark.parametrize('count', [1, TURN, 3 * TURN + 1])
async def test_a_plain_function_gets_the_messages_in_order(count: int) -> None:
    rig, seen, sent = Rig(), list[Delivery](), messages(count)
    rig.post(consumer(seen.append), *sent)
    await rig.finish()

    assert seen == sent
    assert rig.dispatcher.backlog.messages == 0


async def test_a_coroutine_function_gets_the_next_when_it_has_ended() -> None:
    rig, log = Rig(), list[str]()

    async def on_message(message: Delivery) -> None:
        log.append(f'begins {message.text()}')
        await asyncio.sleep(0)
        log.append(f'ends {message.text()}')

    rig.post(consumer(on_message), *messages(2))
    await rig.finish()

    assert log == ['begins 0', 'ends 0', 'begins 1', 'ends 1']


async def test_a_slow_coroutine_costs_nobody_but_its_own_consumer() -> None:
    rig, gate, end = Rig(), asyncio.Event(), asyncio.Event()

    async def on_message(message: Delivery) -> None:
        await gate.wait()

    quick = consumer(lambda _: None)
    rig.post(consumer(on_message), *messages(2))
    rig.post(quick, *messages(2), Hook(end.set))
    await asyncio.wait_for(end.wait(), END)
    assert rig.dispatcher.backlog.messages == 2
    gate.set()
    await rig.finish()


async def test_workers_run_so_many_at_once() -> None:
    rig, three, running, most = Rig(), asyncio.Event(), 0, 0

    async def on_message(message: Delivery) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 3:
            three.set()
        await three.wait()
        running -= 1

    rig.post(consumer(on_message, workers=3), *messages(9))
    await rig.finish()

    assert (running, most) == (0, 3)


async def test_an_inline_callback_is_called_at_once() -> None:
    rig, seen, sent = Rig(), list[Delivery](), messages(2)
    rig.post(consumer(seen.append, inline=True), *sent)

    assert seen == sent
    assert rig.dispatcher.backlog.messages == 0


async def raises_later(message: Delivery) -> None:
    await asyncio.sleep(0)
    raise ValueError('on purpose')


def raises(message: Delivery) -> None:
    raise ValueError('on purpose')


async def awaits_what_is_cancelled(message: Delivery) -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


@pytest.mark.parametrize('on_message', [raises, raises_later, awaits_what_is_cancelled])
@pytest.mark.parametrize(
    ('on_error', 'refusals'), [('keep', []), ('requeue', [True]), ('reject', [False])]
)
async def test_what_a_callback_raises_is_logged_and_the_next_message_comes(
    caplog: pytest.LogCaptureFixture,
    on_message: Callable[[Any], Any],
    on_error: str,
    refusals: list[bool],
) -> None:
    rig, first, second = Rig(), Refusable(b''), Refusable(b'')
    rig.post(consumer(on_message, on_error=on_error), first, second)
    await rig.finish()

    assert first.refusals == second.refusals == refusals
    assert len(caplog.records) == 2
    assert "on_message of the consumer of b'queue' raised" in caplog.text
    assert rig.dispatcher.backlog.messages == 0


async def test_an_inline_callback_that_raises_is_logged_as_well(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig, message = Rig(), Refusable(b'')
    rig.post(consumer(raises, inline=True, on_error='requeue'), message)

    assert message.refusals == [True]
    assert 'on purpose' in caplog.text


async def test_messages_without_callback_are_kept_and_count_until_they_are_released() -> None:
    rig, (message,) = Rig(), messages(1)
    rig.post(consumer(None), message)
    await rig.finish()

    assert rig.kept == [message]
    assert rig.dispatcher.backlog.messages == 1
    rig.dispatcher.release(message)
    assert rig.dispatcher.backlog.messages == 0


async def test_a_consumer_that_was_cancelled_gets_nothing_more() -> None:
    rig, seen = Rig(), list[Delivery]()
    to = consumer(seen.append)
    rig.post(to, *messages(1))
    to.cancelled = True
    await rig.finish()

    assert seen == []
    assert rig.dispatcher.backlog.messages == 0
    assert rig.dispatcher._mailboxes == {}


@pytest.mark.parametrize('inline', [False, True])
async def test_hooks_may_be_plain_or_coroutine_functions(
    caplog: pytest.LogCaptureFixture, inline: bool
) -> None:
    rig, log = Rig(), list[str]()

    async def later() -> None:
        await asyncio.sleep(0)
        log.append('later')

    hooks = CallableList(oneshots=True)
    for hook in (partial(raises, Refusable(b'')), later, partial(log.append, 'plain')):
        hooks.add(hook)
    rig.post(consumer(lambda _: None, inline=inline), Hook(hooks), Hook(hooks))
    await rig.finish()

    assert sorted(log) == ['later', 'plain']
    assert len(caplog.records) == 1


async def test_what_belongs_to_no_consumer_is_called_in_order() -> None:
    rig, log = Rig(), list[int]()

    async def later(number: int) -> None:
        await asyncio.sleep(0)
        log.append(number)

    rig.dispatcher.call(later, 1)
    rig.dispatcher.call(log.append, 2)
    await rig.finish()

    assert log == [1, 2]


async def test_what_an_extension_point_delivers_comes_next() -> None:
    rig, log = Rig(), list[bytes]()
    to = consumer(lambda message: log.append(message.body))
    rig.post(to, Hook(rig.dispatcher.deliver, (to, Refusable(b'made'))), *messages(1))
    await rig.finish()

    assert log == [b'made', b'0']
    assert rig.dispatcher.backlog.messages == 0


async def test_there_is_room_again_once_half_of_a_full_backlog_has_run() -> None:
    rig = Rig()
    rig.post(consumer(lambda _: None), *messages(BACKLOG_MESSAGES))
    assert not rig.dispatcher.backlog.should_read(True, lambda: False)
    await rig.finish()

    assert rig.rooms == 1
    assert rig.dispatcher.backlog.should_read(False, lambda: False)


async def test_a_callback_that_takes_too_long_at_the_end_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig, gate = Rig(), asyncio.Event()

    async def on_message(message: Delivery) -> None:
        await gate.wait()

    rig.post(consumer(on_message), *messages(1))
    await rig.dispatcher.stop(0.01)
    assert "test dispatcher of b'queue' still runs a callback" in caplog.text
    gate.set()
    await rig.finish()


async def test_nothing_runs_after_the_loop_has_ended() -> None:
    rig, seen, gate = Rig(), list[Delivery](), asyncio.Event()

    async def on_message(message: Delivery) -> None:
        await gate.wait()
        seen.append(message)

    to = consumer(on_message)
    rig.post(to, *messages(2))
    await asyncio.sleep(0)
    rig.dispatcher.abandon()
    rig.post(to, *messages(1))
    gate.set()
    await rig.finish()

    assert seen == []
