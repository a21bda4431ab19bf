"""The events of `coolamqp.api.events`, where programs have always found them."""

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
