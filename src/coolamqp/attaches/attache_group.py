"""Where consumers made by hand are added, as programs for CoolAMQP 2.x do it."""

from __future__ import annotations

from coolamqp.attaches.consumer import Consumer
from coolamqp.attaches.effects import Face


class AttacheGroup:
    """The consumers of a Cluster; programs find it as `Cluster.attache_group`."""

    def __init__(self, face: Face) -> None:
        self._face = face

    def add(self, consumer: Consumer) -> None:
        """Take up a consumer; `Cluster.add_consumer` does the same and gives a future.

        :raises ValueError: it was added before
        """
        self._face.add_consumer(consumer)
