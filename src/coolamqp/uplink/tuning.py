"""Settling the limits of a connection (connection.tune, https://www.rabbitmq.com/docs/heartbeats)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coolamqp.exceptions import WireError
from coolamqp.framing.definitions import FRAME_MIN_SIZE, ConnectionTune
from coolamqp.reply_codes import SYNTAX_ERROR

# What we ask for; 131,072 is what RabbitMQ proposes by itself.
CHANNEL_MAX: Final = 65535
FRAME_MAX: Final = 131072


@dataclass
class Limits:
    """What both sides keep to; heartbeat is in seconds, 0 for none."""

    channel_max: int
    frame_max: int
    heartbeat: int


def settle_limits(
    proposed: ConnectionTune, heartbeat: int | None, channel_max: int | None
) -> Limits:
    """Answer what the broker proposes.

    :param heartbeat: what we want; 0 turns it off, None takes what the broker proposes
    :param channel_max: how many channels we want at most; None or 0 for as many as there can be
    :raises WireError: frame_max is below what the specification allows (section 4.2.3)
    """
    if 0 < proposed.frame_max < FRAME_MIN_SIZE:
        what = f'the broker proposes a frame_max of {proposed.frame_max}, under {FRAME_MIN_SIZE}'
        raise WireError(what, 'in connection.tune', SYNTAX_ERROR)
    return Limits(
        channel_max=_lower(proposed.channel_max, channel_max or CHANNEL_MAX),
        frame_max=_lower(proposed.frame_max, FRAME_MAX),
        heartbeat=_settle_heartbeat(proposed.heartbeat, heartbeat),
    )


def _settle_heartbeat(proposed: int, wanted: int | None) -> int:
    if wanted is None:
        return proposed
    return _lower(proposed, wanted) if wanted else 0


def _lower(theirs: int, ours: int) -> int:
    """Give the lower of two limits, of which theirs may be 0 for none."""
    return min(theirs, ours) if theirs else ours
