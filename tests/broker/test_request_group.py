"""Groups of methods."""

from __future__ import annotations

from typing import ClassVar

from coolamqp.broker.request_group import Handlers, RequestGroup
from coolamqp.framing.definitions import ChannelFlow, ChannelFlowOk, ChannelOpen
from coolamqp.framing.method import Method


class Flow(RequestGroup):
    """A group of one method."""

    def _flow(self, method: ChannelFlow) -> Method:
        return ChannelFlowOk(method.active)

    _HANDLERS: ClassVar[Handlers] = {ChannelFlow: _flow}


def test_a_group_knows_its_methods() -> None:
    group, method = Flow(), ChannelFlow(True)
    handler = group.handler(method)

    assert handler is not None
    assert handler(group, method) == ChannelFlowOk(True)
    assert group.handler(ChannelOpen()) is None
