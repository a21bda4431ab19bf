"""The publish window: how much may be unconfirmed."""

from __future__ import annotations

import pytest

from coolamqp.attaches.publication import OVERHEAD_BYTES
from coolamqp.framing.definitions import BasicAck
from coolamqp.framing.properties import NO_PROPERTIES
from coolamqp.supervisor.window import WIDE_OPEN_FRACTION
from tests.support.rig import Rig


def state(rig: Rig) -> tuple[bool, bool]:
    """Return whether there is much room, and whether there is any."""
    return rig.engine.window.is_wide_open(), rig.engine.window.is_open()


@pytest.mark.parametrize('bound', ['max_unconfirmed', 'max_unconfirmed_bytes'])
def test_the_window_closes_at_either_bound_and_is_wide_open_up_to_a_part_of_it(
    bound: str,
) -> None:
    size = 1000 if bound == 'max_unconfirmed_bytes' else 1
    rig = Rig(**{bound: 5 * size})  # type: ignore[arg-type]
    body = bytes(1000 - OVERHEAD_BYTES - len(NO_PROPERTIES))
    states = [state(rig)]
    for _ in range(5):
        rig.publish(body)
        states.append(state(rig))
    assert [wide for wide, _ in states] == [held <= 5 * WIDE_OPEN_FRACTION for held in range(6)]
    assert [is_open for _, is_open in states] == [True] * 5 + [False]

    broker = rig.up()
    broker.send(broker.published[0].channel, BasicAck(5, True))
    assert state(rig) == (True, True)
