"""How a transport finds its way to the addresses of a name."""

from __future__ import annotations

import socket
from math import inf
from typing import Any

import pytest

from coolamqp.exceptions import ConnectionDead
from coolamqp.supervisor.addresses import HEAD_START_SECONDS
from tests.net.conftest import MakeRig
from tests.net.rig import NOW
from tests.support.ports import HOST, free_port


def test_a_name_with_one_address(make_rig: MakeRig, listening: socket.socket) -> None:
    rig = make_rig(listening.getsockname())
    rig.begin()
    assert rig.transport.wake_at == inf
    rig.connect()

    assert rig.watched == {}
    peer, _ = listening.accept()
    with peer:
        assert rig.transport.send([b'he', b'llo']) == 5
        assert peer.recv(5) == b'hello'


def test_an_address_that_refuses_is_passed_over(
    make_rig: MakeRig, listening: socket.socket
) -> None:
    rig = make_rig((HOST, free_port()), (HOST, free_port()), listening.getsockname())
    rig.begin()
    rig.connect()
    listening.accept()[0].close()


def test_an_address_that_never_answers_has_a_head_start_only(
    make_rig: MakeRig, black_hole: Any, listening: socket.socket
) -> None:
    rig = make_rig(black_hole, listening.getsockname())
    rig.begin()
    rig.transport.advance(NOW)  # too soon for the next one
    assert len(rig.watched) == 1
    rig.now = rig.transport.wake_at
    assert rig.now == NOW + HEAD_START_SECONDS
    rig.transport.advance(rig.now)
    assert len(rig.watched) == 2
    rig.connect()

    assert rig.watched == {}
    assert rig.transport.wake_at == inf
    listening.accept()[0].close()


def test_an_address_may_still_answer_after_its_head_start(
    make_rig: MakeRig, black_hole: Any, listening: socket.socket
) -> None:
    rig = make_rig(listening.getsockname(), black_hole)
    rig.begin()
    rig.now = rig.transport.wake_at
    rig.transport.advance(rig.now)
    rig.connect()
    listening.accept()[0].close()


def test_the_addresses_that_have_not_answered_are_told(make_rig: MakeRig, black_hole: Any) -> None:
    rig = make_rig(black_hole, black_hole)
    assert rig.link.waiting_for == 'address of its name'
    rig.begin()
    assert rig.link.waiting_for == f'answer from {HOST}'
    assert rig.transport.wake_at == inf  # It is the same address; ending it is for the engine.


def test_when_all_addresses_refuse_the_last_says_why(make_rig: MakeRig) -> None:
    rig = make_rig((HOST, free_port()), (HOST, free_port()))
    rig.begin()
    rig.step()
    with pytest.raises(ConnectionRefusedError):
        rig.step()
    assert rig.watched == {}


@pytest.mark.usefixtures('no_leaks')
def test_a_socket_that_cannot_be_watched_is_closed_at_once(
    make_rig: MakeRig, black_hole: Any
) -> None:
    rig = make_rig(black_hole, black_hole)
    rig.most_watched = 0
    with pytest.raises(OSError, match='no space'):
        rig.begin()


def test_a_name_without_an_address(make_rig: MakeRig) -> None:
    with pytest.raises(ConnectionDead, match='no address'):
        make_rig().begin()


@pytest.mark.usefixtures('no_leaks')
def test_closing_leaves_no_socket_that_is_still_connecting(
    make_rig: MakeRig, black_hole: Any
) -> None:
    rig = make_rig(black_hole)
    rig.begin()
    rig.transport.close()
    assert rig.watched == {}
