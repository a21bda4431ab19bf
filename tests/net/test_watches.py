"""The watches of sockets: what is ready is returned, and nothing that is not watched."""

from __future__ import annotations

import errno
import selectors
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import NoReturn

import pytest

from coolamqp.net.watches import Watches

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


@pytest.fixture
def pair(no_leaks: None) -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_socket_is_watched_for_the_latest_events(
    watches: Watches, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = pair
    theirs.send(b'x')
    watches.watch(ours, READ)
    assert watches.wait(0) == [(ours, READ)]
    watches.watch(ours, WRITE)
    assert watches.wait(0) == [(ours, WRITE)]
    watches.watch(ours, READ | WRITE)
    assert watches.wait(0) == [(ours, READ | WRITE)]
    watches.watch(ours, 0)
    assert watches.wait(0) == []
    watches.watch(ours, READ)
    assert watches.wait(0) == [(ours, READ)]


def test_a_watch_may_end_that_never_began(
    watches: Watches, pair: tuple[socket.socket, socket.socket]
) -> None:
    watches.watch(pair[0], 0)
    assert watches.wait(0) == []


def test_a_socket_that_cannot_be_watched_is_not(pair: tuple[socket.socket, socket.socket]) -> None:
    class Full(selectors.DefaultSelector):
        """As the system has it when a user watches too many sockets."""

        def register(self, *_: object) -> NoReturn:
            raise OSError(errno.ENOSPC, 'no space left')

    watches = Watches(Full())
    with closing(watches):
        with pytest.raises(OSError, match='no space'):
            watches.watch(pair[0], READ)
        watches.watch(pair[0], 0)
        assert watches.wait(0) == []
