"""The events of a Cluster, at the path from which programs import them."""

from coolamqp.attaches import events
from coolamqp.attaches.events import *  # noqa: F403 - all of them, and nothing else

__all__: list[str] = []
__all__ += events.__all__
