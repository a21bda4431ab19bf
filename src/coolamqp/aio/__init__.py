"""The Cluster for asyncio (floor 4): the event loop's sockets and clock around the engine."""

from coolamqp.aio.cluster import Cluster
from coolamqp.aio.events import ConnectionLost, MessageReceived, NothingMuch

__all__ = ['Cluster', 'ConnectionLost', 'MessageReceived', 'NothingMuch']
