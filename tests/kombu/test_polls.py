"""The sockets that the pull driver waits for."""

from __future__ import annotations

import selectors
import signal
import socket
from collections.abc import Iterator
from math import inf

import pytest

from coolamqp.kombu.polls import Polls

BOTH = selectors.EVENT_READ | selectors.EVENT_WRITE


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two sockets that are connected."""
    near, far = socket.socketpair()
    with near, far:
        yield near, far


def test_sockets_that_are_ready(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    polls = Polls()
    polls.watch(near, selectors.EVENT_READ)
    assert polls.wait(0) == []

    far.send(b'.')
    assert polls.wait(inf) == [(near, selectors.EVENT_READ)]
    polls.watch(near, BOTH)
    assert polls.wait(inf) == [(near, BOTH)]
    polls.watch(near, 0)
    assert polls.wait(0) == []


def test_whether_it_watches(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    polls = Polls()
    polls.watch(near, BOTH)
    assert polls.watching
    polls.watch(near, 0)
    polls.watch(far, 0)
    assert polls.wait(0) == []
    assert polls.watching is False


def test_an_end_makes_a_socket_ready_for_both(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    polls = Polls()
    polls.watch(near, selectors.EVENT_WRITE)
    far.close()

    assert polls.wait(-1) == [(near, BOTH)]


def test_a_closed_socket_is_never_ready(pair: tuple[socket.socket, socket.socket]) -> None:
    near, _ = pair
    polls = Polls()
    polls.watch(near, BOTH)
    near.close()

    assert polls.wait(0) == []


def test_a_signal_handler_may_wait_within_a_wait(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    near, far = pair
    polls, seen = Polls(), list[object]()
    polls.watch(near, selectors.EVENT_READ)

    def on_signal(_number: int, _frame: object) -> None:
        far.send(b'.')
        seen.extend(polls.wait(inf))

    before = signal.signal(signal.SIGVTALRM, on_signal)
    pipe_before = signal.set_wakeup_fd(-1)
    try:
        signal.raise_signal(signal.SIGVTALRM)
        assert polls.wait(inf) == seen
    finally:
        signal.set_wakeup_fd(pipe_before)
        signal.signal(signal.SIGVTALRM, before)
