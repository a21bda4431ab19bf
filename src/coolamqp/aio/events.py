"""The events of a Cluster, at the path from which programs with asyncio import them."""

from coolamqp.attaches import events
from coolamqp.attaches.events import *  # noqa: F403 - all of them
from coolamqp.objects import ReceivedMessage as ReceivedMessage  # noqa: PLC0414 - exported

__all__: list[str] = []
__all__ += events.__all__
