"""The limits of a connection, which connection.tune negotiates.

For heartbeats see https://www.rabbitmq.com/docs/heartbeats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coolamqp.exceptions import WireError
from coolamqp.framing.definitions import FRAME_MIN_SIZE, ConnectionTune
from coolamqp.reply_codes import SYNTAX_ERROR

# The limits to ask for: channels, and bytes of a frame. RabbitMQ proposes 131,072 by default.
CHANNEL_MAX: Final = 65535
FRAME_MAX: Final = 131072


@dataclass(frozen=True)
class Limits:
    """The limits of a connection, which both sides keep.

    :ivar channel_max: the highest number of a channel
    :ivar frame_max: the size of the largest frame, in bytes
    :ivar heartbeat: the heartbeat interval, in seconds; 0 for no heartbeats
    """

    channel_max: int
    frame_max: int
    heartbeat: int


def negotiate(proposed: ConnectionTune, heartbeat: int | None, channel_max: int | None) -> Limits:
    """Return the limits that answer a proposal of the broker.

    :param heartbeat: interval to ask for, in seconds; 0 for none, None to accept the proposal
    :param channel_max: number of channels to ask for; None or 0 for as many as there can be
    :raises WireError: frame_max is below the minimum of the specification (section 4.2.3)
    """
    if 0 < proposed.frame_max < FRAME_MIN_SIZE:
        what = f'the broker proposes a frame_max of {proposed.frame_max}, under {FRAME_MIN_SIZE}'
        raise WireError(what, 'in connection.tune', SYNTAX_ERROR)
    return Limits(
        channel_max=_lower(proposed.channel_max, channel_max or CHANNEL_MAX),
        frame_max=_lower(proposed.frame_max, FRAME_MAX),
        heartbeat=_lower_heartbeat(proposed.heartbeat, heartbeat),
    )


def _lower_heartbeat(proposed: int, wanted: int | None) -> int:
    if wanted is None:
        return proposed
    return _lower(proposed, wanted) if wanted else 0


def _lower(theirs: int, ours: int) -> int:
    """Return the lower of two limits; theirs is 0 for none."""
    return min(theirs, ours) if theirs else ours
