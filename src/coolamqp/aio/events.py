"""The events of `coolamqp.faces.events`, where the other face has them, too."""

from coolamqp.faces.events import (
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
