"""One try at one node: the transport that the engine wishes for, and what goes over it."""

from __future__ import annotations

from math import inf

from coolamqp.objects import NodeDefinition
from coolamqp.uplink.connection import Connection


class Link:
    """A wish for a transport to a node.

    The driver makes the transport when it sees an link that is new to it. It ends the transport
    when the link is not the engine's any more, having sent what its connection left in `out`.

    :param deadline: when the transport must be up
    :ivar waits_for: what has not come yet, for whoever must say why there is no transport
    :ivar connection: what speaks over the transport, once it is up
    """

    def __init__(self, node: NodeDefinition, deadline: float = inf) -> None:
        self.node = node
        self.deadline = deadline
        self.waits_for = 'driver'
        self.connection: Connection | None = None
