"""The patience with a locked queue."""

from __future__ import annotations

import pytest

from coolamqp.attaches.locked_queue import LockedQueue

NOW = 1000.0


@pytest.mark.parametrize(('heartbeat', 'patience'), [(10, 20.0), (0, 120.0)])
def test_a_queue_may_come_free_within_two_heartbeats_of_the_first_refusal(
    heartbeat: int, patience: float
) -> None:
    queue = LockedQueue()
    times = [NOW, NOW + patience - 0.1, NOW + patience, NOW + 2 * patience]
    found = [queue.may_come_free(time, heartbeat) for time in times]
    assert found == [True, True, False, False]
