"""Callbacks and hooks on the event loop: plain and coroutine functions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from coolamqp.aio.dispatcher import Dispatcher
from coolamqp.attaches.consumer_options import OnError
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.mailbox import Hook, Item, Mailbox
from coolamqp.objects import Callable as CallableList
from coolamqp.objects import Queue
from coolamqp.supervisor.mailboxes import TURN_ITEMS, Mailboxes
from coolamqp.supervisor.watermarks import ReadWatermarks
from tests.support.deliveries import Refusable, deliveries

END = 10.0  # seconds that the callbacks of a test may take


class Rig:
    """A dispatcher, and how often reading may have resumed."""

    def __init__(self) -> None:
        self.resumes = 0
        self.watermarks = ReadWatermarks()
        self.dispatcher = Dispatcher('test', Mailboxes(self.watermarks), None, self._on_resume)

    def _on_resume(self) -> None:
        self.resumes += 1

    def post(self, mailbox: Mailbox, *items: Item) -> None:
        self.dispatcher.post([(mailbox, item) for item in items])

    async def finish(self) -> None:
        await self.dispatcher.stop(END)
        assert self.dispatcher._tasks == {}
        assert self.watermarks.messages == 0


def mailbox(on_message: Callable[[Any], Any] | None, **options: Any) -> Mailbox:
    return Mailbox(Queue('queue'), on_message, **options)


@pytest.mark.parametrize('count', [1, TURN_ITEMS, 3 * TURN_ITEMS + 1])
async def test_a_plain_function_gets_the_messages_in_order(count: int) -> None:
    rig, seen, sent = Rig(), list[Delivery](), deliveries(count)
    rig.post(mailbox(seen.append), *sent)
    await rig.finish()

    assert seen == sent


async def test_a_coroutine_function_gets_the_next_when_it_has_ended() -> None:
    rig, log = Rig(), list[str]()

    async def on_message(message: Delivery) -> None:
        log.append(f'begins {message.text()}')
        await asyncio.sleep(0)
        log.append(f'ends {message.text()}')

    rig.post(mailbox(on_message), *deliveries(2))
    await rig.finish()

    assert log == ['begins 0', 'ends 0', 'begins 1', 'ends 1']


async def test_a_slow_coroutine_costs_nobody_but_its_own_mailbox() -> None:
    rig, gate, end = Rig(), asyncio.Event(), asyncio.Event()

    async def on_message(message: Delivery) -> None:
        await gate.wait()

    quick = mailbox(lambda _: None)
    rig.post(mailbox(on_message), *deliveries(2))
    rig.post(quick, *deliveries(2), Hook(end.set))
    await asyncio.wait_for(end.wait(), END)
    assert rig.watermarks.messages == 2
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

    rig.post(mailbox(on_message, workers=3), *deliveries(9))
    await rig.finish()

    assert (running, most) == (0, 3)


async def test_an_inline_callback_is_called_at_once() -> None:
    rig, seen, sent = Rig(), list[Delivery](), deliveries(2)
    rig.post(mailbox(seen.append, inline=True), *sent)

    assert seen == sent


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
    rig.post(mailbox(on_message, on_error=on_error), first, second)
    await rig.finish()

    assert first.refusals == second.refusals == refusals
    assert len(caplog.records) == 2
    assert 'on_message of the consumer of queue raised' in caplog.text


async def test_an_inline_callback_that_raises_is_logged_as_well(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig, message = Rig(), Refusable(b'')
    rig.post(mailbox(raises, inline=True, on_error='requeue'), message)

    assert message.refusals == [True]
    assert 'on purpose' in caplog.text


async def test_an_inline_callback_may_fail_in_what_it_returns(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig, message = Rig(), Refusable(b'')

    async def fail_later() -> None:
        raise ValueError('on purpose')

    rig.post(mailbox(lambda _: fail_later(), inline=True, on_error='requeue'), message)
    await rig.finish()

    assert message.refusals == [True]
    assert 'on_message of the consumer of queue raised' in caplog.text


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
    rig.post(mailbox(lambda _: None, inline=inline), Hook(hooks), Hook(hooks))
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


async def test_a_callback_that_takes_too_long_at_the_end_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig, gate = Rig(), asyncio.Event()

    async def on_message(message: Delivery) -> None:
        await gate.wait()

    rig.post(mailbox(on_message), *deliveries(1))
    (task,) = rig.dispatcher._tasks
    await rig.dispatcher.stop(0.01)
    assert 'test dispatcher of queue still runs a callback' in caplog.text
    await rig.dispatcher.stop(END)  # It is left to itself, and not waited for again.
    gate.set()
    await task
    await rig.finish()


async def test_callbacks_that_stop_do_not_wait_for_each_other() -> None:
    rig, both = Rig(), asyncio.Barrier(2)

    async def stop(_: Delivery) -> None:
        await both.wait()
        await rig.dispatcher.stop(None)

    for message in deliveries(2):
        rig.post(mailbox(stop), message)
    await rig.finish()


@pytest.mark.parametrize('steps', [0, 1, 2, 3])
async def test_a_task_that_a_program_cancels_costs_only_its_callback(steps: int) -> None:
    rig, seen = Rig(), list[Delivery]()

    async def on_message(message: Delivery) -> None:
        seen.append(message)

    to, sent = mailbox(on_message), deliveries(3 * TURN_ITEMS)
    rig.post(to, *sent)
    for _ in range(steps):
        await asyncio.sleep(0)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await rig.finish()

    assert seen == sent


@pytest.mark.parametrize(
    ('on_error', 'refusals'), [('keep', []), ('requeue', [True]), ('reject', [True])]
)
async def test_the_message_of_a_cancelled_task_goes_back(
    on_error: OnError, refusals: list[bool]
) -> None:
    rig, begun = Rig(), asyncio.Event()

    async def work(_: Delivery) -> None:
        begun.set()
        await asyncio.Event().wait()

    (message,) = deliveries(1)
    rig.post(mailbox(work, on_error=on_error), message)
    await asyncio.wait_for(begun.wait(), END)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await rig.finish()

    assert message.refusals == refusals


async def test_a_callback_may_cancel_its_own_task() -> None:
    rig, seen, sent = Rig(), list[Delivery](), deliveries(3)

    async def on_message(message: Delivery) -> None:
        seen.append(message)
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    rig.post(mailbox(on_message), *sent)
    await rig.finish()

    assert seen == sent


async def test_an_inline_callback_that_raises_cancelled_error_stops_nothing() -> None:
    rig, seen = Rig(), list[Delivery]()

    def on_message(message: Delivery) -> None:
        seen.append(message)
        raise asyncio.CancelledError

    rig.post(mailbox(on_message, inline=True), *deliveries(2))
    await rig.finish()

    assert len(seen) == 2


async def test_nothing_runs_after_the_loop_has_ended() -> None:
    rig, seen, gate = Rig(), list[Delivery](), asyncio.Event()

    async def on_message(message: Delivery) -> None:
        await gate.wait()
        seen.append(message)

    to = mailbox(on_message)
    rig.post(to, *deliveries(2))
    await asyncio.sleep(0)
    rig.dispatcher.abandon()
    rig.post(to, *deliveries(1))
    gate.set()
    await rig.dispatcher.stop(END)

    assert seen == []
