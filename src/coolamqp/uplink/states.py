"""The states of a connection and of a channel, and their transitions.

A broker may send a method only in the states for which these tables list it; the tables name the
state that follows (section 2.2.4 for the connection, 2.2.5 for a channel). Anything else ends a
handshake. After it, CoolAMQP ignores anything else. A tool writes the tables in the documentation
from these tables.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class ConnectionState(Enum):
    """The state of a connection."""

    AWAITING_START = 'awaiting start'
    AWAITING_TUNE = 'awaiting tune'
    AWAITING_OPEN_OK = 'awaiting open-ok'
    OPEN = 'open'
    CLOSING = 'closing'
    CLOSED = 'closed'


class ChannelState(Enum):
    """The state of a channel."""

    OPENING = 'opening'
    OPEN = 'open'
    CLOSING = 'closing'
    CLOSED = 'closed'


CONNECTION_TRANSITIONS: Final[dict[tuple[ConnectionState, str], ConnectionState]] = {
    (ConnectionState.AWAITING_START, 'connection.start'): ConnectionState.AWAITING_TUNE,
    (ConnectionState.AWAITING_TUNE, 'connection.secure'): ConnectionState.AWAITING_TUNE,
    (ConnectionState.AWAITING_TUNE, 'connection.tune'): ConnectionState.AWAITING_OPEN_OK,
    (ConnectionState.AWAITING_TUNE, 'connection.close'): ConnectionState.CLOSED,
    (ConnectionState.AWAITING_OPEN_OK, 'connection.open-ok'): ConnectionState.OPEN,
    (ConnectionState.AWAITING_OPEN_OK, 'connection.close'): ConnectionState.CLOSED,
    (ConnectionState.OPEN, 'connection.blocked'): ConnectionState.OPEN,
    (ConnectionState.OPEN, 'connection.unblocked'): ConnectionState.OPEN,
    (ConnectionState.OPEN, 'connection.close'): ConnectionState.CLOSED,
    (ConnectionState.CLOSING, 'connection.blocked'): ConnectionState.CLOSING,
    (ConnectionState.CLOSING, 'connection.unblocked'): ConnectionState.CLOSING,
    (ConnectionState.CLOSING, 'connection.close'): ConnectionState.CLOSED,
    (ConnectionState.CLOSING, 'connection.close-ok'): ConnectionState.CLOSED,
}

# Any other method on an open channel is an answer to a call, or a matter of the handler.
CHANNEL_TRANSITIONS: Final[dict[tuple[ChannelState, str], ChannelState]] = {
    (ChannelState.OPENING, 'channel.open-ok'): ChannelState.OPEN,
    (ChannelState.OPENING, 'channel.close'): ChannelState.CLOSED,
    (ChannelState.OPEN, 'channel.close'): ChannelState.CLOSED,
    # The closes of both sides may cross. The broker still answers ours; until then the number of
    # the channel is in use.
    (ChannelState.CLOSING, 'channel.close'): ChannelState.CLOSING,
    (ChannelState.CLOSING, 'channel.close-ok'): ChannelState.CLOSED,
}
