"""How long to wait before the next round of tries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coolamqp.supervisor.back_off import CEILING_SECONDS_MAX, CEILING_SECONDS_MIN, BackOff


def test_the_ceiling_is_a_tenth_of_the_outage_within_its_bounds() -> None:
    back_off = BackOff(lambda: 1.0)
    delays = [back_off.next_delay(100.0 + outage) for outage in (0, 0.5, 1, 10, 100, 300, 10000)]
    assert delays == [
        CEILING_SECONDS_MIN,
        CEILING_SECONDS_MIN,
        CEILING_SECONDS_MIN,
        1.0,
        10.0,
        CEILING_SECONDS_MAX,
        CEILING_SECONDS_MAX,
    ]


def test_an_outage_that_is_over_counts_no_more() -> None:
    back_off = BackOff(lambda: 1.0)
    back_off.next_delay(0.0)
    assert back_off.next_delay(100.0) == 10.0
    back_off.reset()
    assert back_off.next_delay(200.0) == CEILING_SECONDS_MIN


@given(st.floats(0, 1), st.floats(0, 1e6))
def test_the_jitter_is_full(dice: float, outage: float) -> None:
    back_off = BackOff(lambda: dice)
    assert back_off.next_delay(0.0) == dice * CEILING_SECONDS_MIN
    ceiling = min(max(outage * 0.1, CEILING_SECONDS_MIN), CEILING_SECONDS_MAX)
    assert back_off.next_delay(outage) == dice * ceiling
