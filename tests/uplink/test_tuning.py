"""The limits of a connection are the lower of what both sides want."""

from __future__ import annotations

import pytest

from coolamqp.exceptions import WireError
from coolamqp.framing.definitions import ConnectionTune
from coolamqp.uplink.tuning import Limits, negotiate


@pytest.mark.parametrize(
    ('wanted', 'proposed', 'settled'),
    [(None, 60, 60), (None, 0, 0), (0, 60, 0), (0, 0, 0), (10, 60, 10), (60, 10, 10), (10, 0, 10)],
)
def test_the_heartbeat_that_is_settled(wanted: int | None, proposed: int, settled: int) -> None:
    assert negotiate(ConnectionTune(0, 0, proposed), wanted, None).heartbeat == settled


@pytest.mark.parametrize(
    ('wanted', 'proposed', 'settled'),
    [(None, 0, 65535), (0, 0, 65535), (0, 9, 9), (7, 0, 7), (7, 9, 7), (9, 7, 7)],
)
def test_how_many_channels_are_settled(wanted: int | None, proposed: int, settled: int) -> None:
    assert negotiate(ConnectionTune(proposed, 0, 0), None, wanted).channel_max == settled


@pytest.mark.parametrize(
    ('channel_max', 'frame_max', 'settled'),
    [(0, 0, (65535, 131072)), (7, 4096, (7, 4096)), (65535, 1 << 31, (65535, 131072))],
)
def test_the_limits_that_are_settled(
    channel_max: int, frame_max: int, settled: tuple[int, int]
) -> None:
    limits = negotiate(ConnectionTune(channel_max, frame_max, 0), None, None)
    assert limits == Limits(*settled, 0)


def test_a_frame_max_below_the_minimum_is_a_violation() -> None:
    with pytest.raises(WireError, match='4095'):
        negotiate(ConnectionTune(0, 4095, 0), None, None)
