"""The events of `coolamqp.faces.events`, where programs have always found them."""

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
