"""The states of the engine, and the transitions between them.

`make docs` writes the table in the documentation from this one.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class EngineState(Enum):
    """The state of the engine."""

    IDLE = 'idle'
    CONNECTING = 'connecting'
    SHAKING_HANDS = 'shaking hands'
    RESTORING = 'restoring'
    UP = 'up'
    WAITING = 'waiting'
    CANCELLING = 'cancelling'
    DRAINING = 'draining'
    CLOSING = 'closing'
    STOPPED = 'stopped'


_S = EngineState

TRANSITIONS: Final[dict[tuple[EngineState, str], EngineState]] = {
    (_S.IDLE, 'start'): _S.CONNECTING,
    (_S.CONNECTING, 'transport up'): _S.SHAKING_HANDS,
    (_S.CONNECTING, 'failed'): _S.WAITING,
    (_S.SHAKING_HANDS, 'open'): _S.RESTORING,
    (_S.SHAKING_HANDS, 'failed'): _S.WAITING,
    (_S.RESTORING, 'restored'): _S.UP,
    (_S.RESTORING, 'failed'): _S.WAITING,
    (_S.UP, 'failed'): _S.WAITING,
    (_S.WAITING, 'try again'): _S.CONNECTING,
    (_S.UP, 'stop'): _S.CANCELLING,
    (_S.RESTORING, 'stop'): _S.CANCELLING,
    (_S.CANCELLING, 'cancelled'): _S.DRAINING,
    (_S.CANCELLING, 'timed out'): _S.CLOSING,
    (_S.CANCELLING, 'failed'): _S.STOPPED,
    (_S.DRAINING, 'drained'): _S.CLOSING,
    (_S.DRAINING, 'timed out'): _S.CLOSING,
    (_S.DRAINING, 'failed'): _S.STOPPED,
    (_S.CLOSING, 'closed'): _S.STOPPED,
    (_S.CLOSING, 'failed'): _S.STOPPED,
    (_S.IDLE, 'stop'): _S.STOPPED,
    (_S.CONNECTING, 'stop'): _S.STOPPED,
    (_S.SHAKING_HANDS, 'stop'): _S.STOPPED,
    (_S.WAITING, 'stop'): _S.STOPPED,
}

# A module-level name, because a lookup in the Enum for each message is slow.
UP: Final = EngineState.UP
# The states in which the engine accepts no more commands.
ENDING: Final = (EngineState.DRAINING, EngineState.CLOSING, EngineState.STOPPED)
