"""The events of `coolamqp.api.events`, where the other face has them, too."""

from coolamqp.api.events import (
    ConnectionEstablished,
    ConnectionLost,
    ConsumerCancelled,
    Event,
    MessageReceived,
    NothingMuch,
    TopologyFailed,
    TopologyRestored,
)

__all__ = [
    'ConnectionEstablished',
    'ConnectionLost',
    'ConsumerCancelled',
    'Event',
    'MessageReceived',
    'NothingMuch',
    'TopologyFailed',
    'TopologyRestored',
]
