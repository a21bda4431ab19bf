"""The look-up of a host name."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from coolamqp.exceptions import ConnectionDead
from coolamqp.net.lookup import Lookup
from coolamqp.objects import NodeDefinition
from tests.net.rig import PATIENCE


def look_up(host: str) -> tuple[Lookup, threading.Event]:
    done = threading.Event()
    return Lookup(NodeDefinition(host, 'guest', 'guest'), done.set), done


def test_an_address_needs_no_thread_and_is_there_at_once() -> None:
    lookup, done = look_up('127.0.0.1')
    addresses = lookup.take()
    assert addresses is not None
    assert [address[4] for address in addresses] == [('127.0.0.1', 5672)]
    assert lookup.take() is None
    assert not done.is_set()


@pytest.mark.parametrize(
    'error', [socket.gaierror(-2, 'Name or service not known'), ZeroDivisionError('odd')], ids=repr
)
def test_whatever_ends_a_look_up_is_the_reason(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any, flags: int = 0, **__: Any) -> Any:
        raise socket.gaierror('no number') if flags else error

    monkeypatch.setattr(socket, 'getaddrinfo', fail)
    lookup, done = look_up('rabbit.example')
    assert done.wait(PATIENCE)
    with pytest.raises(ConnectionDead, match='cannot be resolved') as raised:
        lookup.take()
    assert str(error) in str(raised.value)


def test_a_machine_without_a_thread_to_spare_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, 'start', start)
    lookup, _ = look_up('rabbit.example')
    with pytest.raises(ConnectionDead, match='new thread'):
        lookup.take()
