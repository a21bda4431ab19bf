"""The methods that a client may send on a channel, and their answers."""

from __future__ import annotations

from coolamqp.broker.channel import Channel
from coolamqp.broker.consumer_requests import ConsumerRequests
from coolamqp.broker.errors import Refusal
from coolamqp.broker.mode_requests import ModeRequests
from coolamqp.broker.publishing import Publishing
from coolamqp.broker.topology_requests import TopologyRequests
from coolamqp.framing.method import Method
from coolamqp.reply_codes import COMMAND_INVALID


class Requests:
    """Answers the methods of one channel."""

    def __init__(self, channel: Channel, publishing: Publishing) -> None:
        self._groups = (
            TopologyRequests(channel),
            ConsumerRequests(channel),
            ModeRequests(publishing),
        )

    def answer(self, method: Method) -> Method | None:
        """Carry out a method; return its answer, None if it has none or it is sent already.

        :raises Refusal: the broker refuses the method
        """
        for group in self._groups:
            handler = group.handler(method)
            if handler is not None:
                return handler(group, method)
        raise Refusal(COMMAND_INVALID, 'unimplemented method')
