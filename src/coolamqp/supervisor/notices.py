"""What has happened, for whoever reports it: the driver logs it and calls the program's hooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from coolamqp.objects import NodeDefinition, ServerProperties


@dataclass
class Connected:
    """A connection is up, and what it needs is being restored."""

    node: NodeDefinition
    properties: ServerProperties


@dataclass
class Restored:
    """Topology and consumers are in place again; publishing goes on."""

    node: NodeDefinition


@dataclass
class Disconnected:
    """A connection that was up is lost."""

    node: NodeDefinition
    cause: Exception


@dataclass
class ConnectFailed:
    """A try to connect has failed; the next comes in `retry_in` seconds."""

    node: NodeDefinition
    cause: Exception
    retry_in: float


@dataclass
class NoWayIn:
    """Every node has refused us, one after the other, for reasons that waiting does not mend."""

    causes: list[tuple[NodeDefinition, Exception]]


@dataclass
class Blocked:
    """The broker has ceased (or begun again) to take what is published."""

    blocked: bool
    reason: str


@dataclass
class TopologyFailed:
    """Something that was declared as persistent could not be declared again."""

    subject: Any
    error: BaseException


@dataclass
class Stopped:
    """The engine has come to its end."""
