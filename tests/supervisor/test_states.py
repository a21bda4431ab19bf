"""The table of the engine's states. tests/supervisor/test_engine.py leads an engine through it."""

from __future__ import annotations

from coolamqp.supervisor.states import TRANSITIONS, EngineState


def test_all_states_of_the_table_lead_to_the_end() -> None:
    ends = {EngineState.STOPPED}
    for _ in EngineState:
        ends |= {before for (before, _), after in TRANSITIONS.items() if after in ends}
    assert ends == set(EngineState)
