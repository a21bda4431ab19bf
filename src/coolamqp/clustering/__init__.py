"""The Cluster for threads (floor 4): sockets, threads and the clock around the engine."""

from coolamqp.clustering.cluster import Cluster
from coolamqp.clustering.events import ConnectionLost, MessageReceived, NothingMuch

__all__ = ['Cluster', 'ConnectionLost', 'MessageReceived', 'NothingMuch']
