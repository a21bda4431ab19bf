"""The events of a Cluster, at the path from which programs with asyncio import them."""

from coolamqp.attaches.events import (
    ConnectionEstablished,
    ConnectionLost,
    ConsumerCancelled,
    ConsumerCancelledByBroker,
    Event,
    MessageReceived,
    NothingMuch,
    TopologyFailed,
    TopologyRestored,
)
from coolamqp.objects import ReceivedMessage as ReceivedMessage  # noqa: PLC0414 - exported

__all__ = [
    'ConnectionEstablished',
    'ConnectionLost',
    'ConsumerCancelled',
    'ConsumerCancelledByBroker',
    'Event',
    'MessageReceived',
    'NothingMuch',
    'TopologyFailed',
    'TopologyRestored',
]
