"""The states of a connection and of a channel, and what moves them.

The rules of the game: a broker may send a method only in a state in which it stands in these
tables, and the table says which state follows. Anything else is a protocol error (section 2.2.4
for the connection, 2.2.5 for a channel). The diagrams in the documentation are drawn from here.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class ConnectionState(Enum):
    """Where a connection is in its life."""

    AWAITING_START = 'awaiting start'
    AWAITING_TUNE = 'awaiting tune'
    AWAITING_OPEN_OK = 'awaiting open-ok'
    OPEN = 'open'
    CLOSING = 'closing'
    CLOSED = 'closed'


class ChannelState(Enum):
    """Where a channel is in its life."""

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
    (ConnectionState.OPEN, 'connection.update-secret-ok'): ConnectionState.OPEN,
    (ConnectionState.OPEN, 'connection.close'): ConnectionState.CLOSED,
    (ConnectionState.CLOSING, 'connection.blocked'): ConnectionState.CLOSING,
    (ConnectionState.CLOSING, 'connection.unblocked'): ConnectionState.CLOSING,
    (ConnectionState.CLOSING, 'connection.close'): ConnectionState.CLOSED,
    (ConnectionState.CLOSING, 'connection.close-ok'): ConnectionState.CLOSED,
}

# Everything else that an open channel may get is an answer to a call, or a matter of its handler.
CHANNEL_TRANSITIONS: Final[dict[tuple[ChannelState, str], ChannelState]] = {
    (ChannelState.OPENING, 'channel.open-ok'): ChannelState.OPEN,
    (ChannelState.OPENING, 'channel.close'): ChannelState.CLOSED,
    (ChannelState.OPEN, 'channel.close'): ChannelState.CLOSED,
    # Both closes may cross on their way. The broker answers ours nevertheless, and until then the
    # number of the channel is not free.
    (ChannelState.CLOSING, 'channel.close'): ChannelState.CLOSING,
    (ChannelState.CLOSING, 'channel.close-ok'): ChannelState.CLOSED,
}
