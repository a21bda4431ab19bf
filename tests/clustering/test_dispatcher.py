"""Dispatcher threads: order per consumer, and nobody waits for somebody else's callback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from coolamqp.attaches.mailbox import Hook, Mailbox
from coolamqp.clustering.dispatcher import Dispatcher
from coolamqp.objects import Queue
from coolamqp.supervisor.mailboxes import Mailboxes
from coolamqp.supervisor.watermarks import ReadWatermarks
from tests.support.deliveries import deliveries

PATIENCE = 20.0  # seconds


class Driver:
    """Stands in for the I/O thread: has the dispatcher relieved at its time."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.wait(0.01):
            self._dispatcher.relieve(time.monotonic())

    def stop(self) -> None:
        self._end.set()
        self._thread.join(PATIENCE)


@pytest.fixture
def dispatcher(no_leaks: None) -> Iterator[Dispatcher]:
    dispatcher = Dispatcher(
        'test', Mailboxes(ReadWatermarks()), None, lambda: None, lambda: None, threading.RLock()
    )
    yield dispatcher
    dispatcher.stop(PATIENCE)


@pytest.fixture
def driver(dispatcher: Dispatcher) -> Iterator[Driver]:
    driver = Driver(dispatcher)
    yield driver
    driver.stop()


def consumer(name: str) -> Mailbox:
    return Mailbox(Queue(name), print)


def post(dispatcher: Dispatcher, to: Mailbox, *functions: Callable[[], Any]) -> None:
    dispatcher.post([(to, Hook(function)) for function in functions])


def done(event: threading.Event) -> bool:
    return event.wait(PATIENCE)


def test_a_consumer_is_served_in_order(dispatcher: Dispatcher) -> None:
    seen: list[int] = []
    end = threading.Event()
    to = consumer('one')
    for number in range(1000):
        post(dispatcher, to, partial(seen.append, number))
    post(dispatcher, to, end.set)

    assert done(end)
    assert seen == list(range(1000))


def test_quick_callbacks_of_many_consumers_share_one_thread(dispatcher: Dispatcher) -> None:
    threads: set[str] = set()
    ends = [threading.Event() for _ in range(10)]
    for number, end in enumerate(ends):
        to = consumer(str(number))
        post(dispatcher, to, lambda: threads.add(str(threading.get_ident())), end.set)

    assert all(done(end) for end in ends)
    assert len(threads) == 1


@pytest.mark.usefixtures('driver')
def test_a_callback_that_blocks_holds_up_its_own_consumer_only(dispatcher: Dispatcher) -> None:
    begun, release, after, other = (threading.Event() for _ in range(4))
    slow = consumer('slow')

    def block() -> None:
        begun.set()
        done(release)

    post(dispatcher, slow, block, after.set)
    assert done(begun)
    post(dispatcher, consumer('quick'), other.set)

    assert done(other)
    assert not after.is_set()
    release.set()
    assert done(after)


@pytest.mark.usefixtures('driver')
def test_a_spare_thread_takes_over_when_the_first_it_was_roused_with_is_stuck(
    dispatcher: Dispatcher,
) -> None:
    first, second = consumer('first'), consumer('second')
    release, begun, ran, taken = (threading.Event() for _ in range(4))

    def block() -> None:
        begun.set()
        done(release)

    # Two threads there are, both idle soon.
    post(dispatcher, first, block)
    assert done(begun)
    post(dispatcher, second, ran.set)
    assert done(ran)
    release.set()
    _await_idle(dispatcher, 2)

    release.clear()
    dispatcher.post([(first, Hook(block)), (second, Hook(taken.set))])
    # Far less than the lifetime of a spare thread, which would look round at its end.
    assert taken.wait(2.0)
    release.set()


def _await_idle(dispatcher: Dispatcher, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while dispatcher._idle < count:
        assert time.monotonic() < deadline, 'the threads do not become idle'
        threading.Event().wait(0.001)


@pytest.mark.parametrize('error', [ValueError, SystemExit], ids=lambda error: error.__name__)
def test_what_a_callback_raises_is_logged_and_stops_nothing(
    dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture, error: type[BaseException]
) -> None:
    end = threading.Event()

    def stumble() -> None:
        raise error('stumbled')

    post(dispatcher, consumer('one'), stumble, end.set)

    assert done(end)
    assert 'stumbled' in caplog.text


def test_stop_runs_what_waits(dispatcher: Dispatcher) -> None:
    begun, release, end = (threading.Event() for _ in range(3))

    def block() -> None:
        begun.set()
        done(release)

    post(dispatcher, consumer('one'), block, end.set)
    assert done(begun)
    dispatcher.finish()
    release.set()
    dispatcher.stop(PATIENCE)

    assert end.is_set()


def test_stop_does_not_wait_for_ever_nor_leave_others_unserved(
    dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    begun, release, other = (threading.Event() for _ in range(3))

    def block() -> None:
        begun.set()
        done(release)

    post(dispatcher, consumer('stuck'), block)
    assert done(begun)
    post(dispatcher, consumer('other'), other.set)
    dispatcher.stop(0.05)
    dispatcher.stop(PATIENCE)  # A callback that is left to itself is not waited for again.

    assert caplog.text.count('still runs a callback') == 1
    assert other.wait(2.0)
    release.set()


def test_stop_from_a_callback_does_not_wait_for_itself(dispatcher: Dispatcher) -> None:
    end = threading.Event()

    def stop() -> None:
        dispatcher.stop(PATIENCE)
        end.set()

    post(dispatcher, consumer('one'), stop)
    assert done(end)


@pytest.mark.usefixtures('driver')
def test_callbacks_that_stop_do_not_wait_for_each_other(dispatcher: Dispatcher) -> None:
    both = threading.Barrier(2)
    ends = [threading.Event() for _ in range(2)]

    def stop(end: threading.Event) -> None:
        both.wait(PATIENCE)
        dispatcher.stop(None)
        end.set()

    for number, end in enumerate(ends):
        post(dispatcher, consumer(str(number)), partial(stop, end))

    assert all(done(end) for end in ends)


def test_calls_for_nobody_keep_their_order(dispatcher: Dispatcher) -> None:
    seen: list[int] = []
    end = threading.Event()
    for number in range(100):
        dispatcher.call(seen.append, number)
    dispatcher.call(end.set)

    assert done(end)
    assert seen == list(range(100))


class Counted:
    """A piece of a body that calls a function when it is counted, under the dispatcher's lock."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function

    @property
    def nbytes(self) -> int:
        self._function()
        return 1


def test_a_late_call_may_come_from_where_the_lock_is_held(dispatcher: Dispatcher) -> None:
    called = threading.Event()
    (message,) = deliveries(1)
    message.body = [Counted(lambda: dispatcher.call_late(called.set))]
    dispatcher.post([(Mailbox(Queue('one'), id), message)])
    dispatcher.relieve(time.monotonic())  # as the leader does when it is woken
    assert done(called)


def test_a_call_that_interrupts_the_dispatcher_is_late(no_leaks: None) -> None:
    lock, interrupts, called = threading.RLock(), threading.Event(), threading.Event()
    dispatcher = Dispatcher(
        'test', Mailboxes(ReadWatermarks()), None, lambda: None, interrupts.set, lock
    )
    with lock:
        dispatcher.call(called.set)
    assert interrupts.is_set()
    dispatcher.relieve(time.monotonic())
    assert done(called)
    dispatcher.stop(PATIENCE)


def test_a_thread_that_does_not_start_is_started_later(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    called = threading.Event()

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, 'start', refuse)
        dispatcher.call(called.set)
    assert "does not start: can't start new thread" in caplog.text
    dispatcher.call(id, None)
    assert done(called)
