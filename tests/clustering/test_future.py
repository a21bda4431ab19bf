"""The futures of a Cluster, beside what `concurrent.futures` promises of them."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    CancelledError,
    Future,
    as_completed,
    wait,
)
from functools import partial
from typing import Any

import pytest

from coolamqp.attaches.publication import Publication
from coolamqp.clustering.future import ClusterFuture, holds_future
from coolamqp.objects import Message

PATIENCE = 20.0  # seconds
ROUNDS = 200
PUBLICATION = Publication(Message(b''), b'', b'')


class DirectPatron:
    """Runs done-callbacks where the future ends."""

    def __init__(self) -> None:
        self.withdrawable = True

    def withdraw(self, publication: Publication) -> bool:
        return self.withdrawable

    def run_callback(self, callback: Callable[..., Any], future: ClusterFuture) -> None:
        callback(future)

    def check_may_wait(self) -> None:
        """Let everybody wait."""


@pytest.fixture
def patron() -> DirectPatron:
    return DirectPatron()


@pytest.fixture
def future(patron: DirectPatron) -> ClusterFuture:
    return ClusterFuture(patron)


@pytest.fixture
def _busy_switching() -> Iterator[None]:
    """Have threads take turns as often as can be, so that races show."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_a_result_is_there_as_soon_as_it_is_set(
    future: ClusterFuture, patron: DirectPatron
) -> None:
    assert not future.done()
    future.set_result('ok')

    assert future.done()
    assert future.result(0) == 'ok'
    assert future.exception(0) is None


def test_an_error_is_raised_by_result_and_given_by_exception(future: ClusterFuture) -> None:
    error = ValueError('refused')
    future.set_exception(error)

    with pytest.raises(ValueError, match='refused'):
        future.result(0)
    assert future.exception(0) is error


@pytest.mark.parametrize('timeout', [0, 0.01])
def test_waiting_is_bounded(future: ClusterFuture, timeout: float) -> None:
    with pytest.raises(TimeoutError, match='has not answered'):
        future.result(timeout)
    with pytest.raises(TimeoutError):
        future.exception(timeout)


def test_who_waits_is_woken_by_another_thread(future: ClusterFuture) -> None:
    end = threading.Timer(0.05, future.set_result, (7,))
    end.start()
    assert future.result(PATIENCE) == 7
    end.join(PATIENCE)


def test_what_cannot_be_withdrawn_cannot_be_cancelled(
    future: ClusterFuture, patron: DirectPatron
) -> None:
    assert not future.cancel()
    assert future.running()
    future._publication = PUBLICATION
    patron.withdrawable = False
    assert not future.cancel()
    assert not future.cancelled()


def test_what_is_withdrawn_is_cancelled(future: ClusterFuture) -> None:
    seen: list[Future[Any]] = []
    future._publication = PUBLICATION
    future.add_done_callback(seen.append)

    assert future.cancel()
    assert future.cancelled()
    assert future.done()
    assert seen == [future]
    assert future.cancel()  # again
    with pytest.raises(CancelledError):
        future.result(0)
    with pytest.raises(CancelledError):
        future.exception(0)


def test_what_has_ended_cannot_be_cancelled(future: ClusterFuture) -> None:
    future._publication = PUBLICATION
    future.set_result(None)

    assert not future.cancel()


def test_done_callbacks_run_in_their_order(future: ClusterFuture) -> None:
    seen: list[int] = []
    for number in range(3):
        future.add_done_callback(partial(_append, seen, number))
    assert seen == []
    future.set_result(None)
    assert seen == [0, 1, 2]

    future.add_done_callback(lambda _: seen.append(3))
    assert seen == [0, 1, 2, 3]


def test_a_late_done_callback_that_raises_is_logged(
    future: ClusterFuture, caplog: pytest.LogCaptureFixture
) -> None:
    future.set_result(None)

    def stumble(_: Future[Any]) -> None:
        raise ValueError('stumbled')

    future.add_done_callback(stumble)  # as one of concurrent.futures does
    assert 'stumbled' in caplog.text


@pytest.mark.usefixtures('_busy_switching')
def test_a_done_callback_runs_once_while_others_are_added_and_the_future_ends(
    patron: DirectPatron,
) -> None:
    for _ in range(ROUNDS):
        future = ClusterFuture(patron)
        calls: queue.SimpleQueue[int] = queue.SimpleQueue()
        _race([partial(future.set_result, None), *[_adder(future, calls) for _ in range(3)]])
        assert sorted(calls.get_nowait() for _ in range(calls.qsize())) == sorted([0, 1, 2, 3] * 3)


def _adder(future: ClusterFuture, calls: queue.SimpleQueue[int]) -> Callable[[], None]:
    def add() -> None:
        for number in range(4):
            future.add_done_callback(partial(_put, calls, number))

    return add


@pytest.mark.usefixtures('_busy_switching')
def test_as_completed_gives_each_future_once_while_they_end(patron: DirectPatron) -> None:
    for _ in range(ROUNDS // 4):
        futures: list[Future[Any]] = [ClusterFuture(patron) for _ in range(100)]
        given: list[Any] = []
        _race([partial(_end_all, futures), partial(_collect, futures, given)])
        assert len(given) == 100
        assert set(given) == set(futures)


@pytest.mark.usefixtures('_busy_switching')
def test_wait_waits_for_all_while_they_end(patron: DirectPatron) -> None:
    for _ in range(ROUNDS // 4):
        futures: list[Future[Any]] = [ClusterFuture(patron) for _ in range(100)]
        left: list[Any] = []
        _race([partial(_end_all, futures), partial(_collect_open, futures, left)])
        assert left == []


def test_wait_returns_at_the_first_that_ends_or_fails(patron: DirectPatron) -> None:
    first, second, third = futures = [ClusterFuture(patron) for _ in range(3)]
    first.set_result(None)
    assert wait(futures, PATIENCE, FIRST_COMPLETED).done == {first}

    thread = threading.Thread(target=second.set_exception, args=(ValueError('refused'),))
    thread.start()
    assert wait(futures, PATIENCE, FIRST_EXCEPTION).not_done == {third}
    thread.join(PATIENCE)


@pytest.mark.usefixtures('_busy_switching')
def test_a_result_that_is_waited_for_by_many_reaches_all(patron: DirectPatron) -> None:
    for number in range(ROUNDS):
        future = ClusterFuture(patron)
        results: list[int] = []

        take = partial(_take, future, results)
        _race([take, take, take, partial(future.set_result, number)])
        assert results == [number] * 3


def _append(seen: list[int], number: int, _: Future[Any]) -> None:
    seen.append(number)


def _put(calls: queue.SimpleQueue[int], number: int, _: Future[Any]) -> None:
    calls.put(number)


def _take(future: ClusterFuture, results: list[int]) -> None:
    results.append(future.result(PATIENCE))


def _collect(futures: list[Future[Any]], given: list[Future[Any]]) -> None:
    given.extend(as_completed(futures, PATIENCE))


def _collect_open(futures: list[Future[Any]], left: list[Future[Any]]) -> None:
    left.extend(wait(futures, PATIENCE).not_done)


def _end_all(futures: list[Future[Any]]) -> None:
    for number, future in enumerate(futures):
        if number % 3:
            future.set_result(number)
        else:
            future.set_exception(ValueError(number))


def _race(tasks: list[Callable[[], Any]]) -> None:
    """Run all of them at the same time; what one of them raises is raised."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(len(tasks))

    def run(task: Callable[[], Any]) -> None:
        try:
            barrier.wait(PATIENCE)
            task()
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive(), 'a thread hangs'
    if errors:
        raise errors[0]


def test_a_thread_whose_time_is_over_leaves_nothing_behind(future: ClusterFuture) -> None:
    with pytest.raises(TimeoutError):
        future.result(0.001)
    assert future._bells == []


def test_a_thread_knows_whether_it_holds_a_future() -> None:
    future = ClusterFuture(DirectPatron())
    assert not holds_future()
    with future._condition:
        assert holds_future()
    assert not holds_future()
