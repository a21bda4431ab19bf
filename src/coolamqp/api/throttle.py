"""Reading from the broker only as fast as programs take what comes."""

from __future__ import annotations

import logging

from coolamqp.api.backlog import Backlog
from coolamqp.supervisor.engine import Engine
from coolamqp.supervisor.states import EngineState


class Throttle:
    """Decides whether the transport is read from.

    :ivar reading: what was decided
    """

    def __init__(self, engine: Engine, backlog: Backlog) -> None:
        self.reading = True
        self._engine = engine
        self._backlog = backlog

    def reset(self) -> None:
        """Note that there is a new transport, which is read from."""
        self.reading = True

    def review(self, now: float) -> bool:
        """Decide anew; whether that has changed anything."""
        engine = self._engine
        reading = engine.state is not EngineState.UP or self._backlog.should_read(
            self.reading, lambda: engine.owes_answers
        )
        connection = engine.connection
        if reading is self.reading or connection is None:
            return False
        what = 'resumes' if reading else 'pauses: callbacks do not keep up'
        engine.effects.log(f'reading {what}', logging.DEBUG)
        self.reading = reading
        connection.set_reading(reading, now)
        return True
