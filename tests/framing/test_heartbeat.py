"""Heartbeats: when one is due, when the peer is gone, and when to look again."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolamqp.framing.heartbeat import IDLE_INTERVALS_MAX, SILENT_INTERVALS_MAX, Heartbeat

START = 1000.0
INTERVAL = 10.0


class Watch:
    """A heartbeat and the clock that it never reads."""

    def __init__(self, interval: float = INTERVAL) -> None:
        self.now = START
        self.heartbeat = Heartbeat(interval, self.now)

    def after(self, seconds: float) -> Watch:
        """Let time pass."""
        self.now += seconds
        return self

    def send(self) -> Watch:
        self.heartbeat.sent(self.now)
        return self

    def receive(self) -> Watch:
        self.heartbeat.received(self.now)
        return self

    def read(self, reading: bool) -> Watch:
        self.heartbeat.set_reading(reading, self.now)
        return self

    @property
    def send_due(self) -> bool:
        return self.heartbeat.send_due(self.now)

    @property
    def peer_gone(self) -> bool:
        return self.heartbeat.peer_gone(self.now)

    @property
    def sleep(self) -> float:
        """Seconds until the heartbeat wants to be asked again."""
        return self.heartbeat.wake_at() - self.now


def test_a_peer_is_declared_gone_between_one_and_a_half_and_two_intervals() -> None:
    assert 1.5 < SILENT_INTERVALS_MAX < 2
    assert IDLE_INTERVALS_MAX <= 0.5


def test_a_heartbeat_is_due_half_an_interval_after_the_last_bytes() -> None:
    watch = Watch().after(4.9)
    assert not watch.send_due
    assert watch.after(0.1).send_due
    assert not watch.send().send_due
    assert watch.after(5).send_due


def test_a_peer_is_gone_after_seven_quarters_of_an_interval_of_silence() -> None:
    watch = Watch().after(17.4)
    assert not watch.peer_gone
    assert watch.after(0.1).peer_gone


def test_any_bytes_from_the_peer_end_its_silence() -> None:
    watch = Watch()
    for _ in range(10):
        assert not watch.after(17).receive().peer_gone


def test_what_this_side_sends_says_nothing_of_the_peer() -> None:
    assert Watch().after(17.5).send().peer_gone


def test_silence_counts_only_while_this_side_reads() -> None:
    watch = Watch().read(False).after(1000)
    assert not watch.peer_gone
    assert not watch.read(True).after(17.4).peer_gone
    assert watch.after(0.1).peer_gone


def test_to_go_on_reading_is_no_news() -> None:
    assert Watch().after(17).read(True).after(0.5).peer_gone


def test_it_wakes_for_what_comes_first() -> None:
    watch = Watch()
    assert watch.sleep == 5
    assert watch.after(4).receive().sleep == 1
    assert watch.after(13).send().sleep == 4.5
    assert watch.read(False).sleep == 5


@pytest.mark.parametrize('reading', [True, False])
def test_without_an_interval_it_never_wakes(reading: bool) -> None:
    watch = Watch(interval=0).read(reading).after(1e9)
    assert not watch.send_due
    assert not watch.peer_gone
    assert watch.sleep == inf


steps = st.tuples(
    st.sampled_from((Watch.send, Watch.receive, lambda w: w.read(True), lambda w: w.read(False))),
    st.floats(0, 30),
)


@given(st.lists(steps), st.floats(0, 30), st.integers(1, 600))
def test_nothing_becomes_due_before_it_wakes(
    history: list[tuple[object, float]], rest: float, interval: int
) -> None:
    watch = Watch(interval)
    for step, seconds in history:
        assert callable(step)
        step(watch.after(seconds))
    due, sleep = watch.send_due or watch.peer_gone, watch.sleep
    assert due == (sleep <= 0)
    if rest < sleep - 1e-6:
        watch.after(rest)
        assert not watch.send_due
        assert not watch.peer_gone


def test_an_interval_of_silence_is_a_missed_heartbeat() -> None:
    watch = Watch()
    for seconds in (INTERVAL - 1, INTERVAL, 1, INTERVAL + 5):
        watch.after(seconds).receive()
    assert watch.heartbeat.missed == 2


def test_no_heartbeat_is_missed_while_nobody_reads_or_none_is_sent() -> None:
    watch, off = Watch(), Watch(interval=0)
    watch.read(False).after(5 * INTERVAL).read(True).receive()
    off.after(5 * INTERVAL).receive()
    assert (watch.heartbeat.missed, off.heartbeat.missed) == (0, 0)
