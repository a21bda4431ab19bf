"""The driver on an event loop: what is sent before a transport closes."""

from __future__ import annotations

import asyncio

from coolamqp.aio import Cluster
from coolamqp.framing.definitions import ConnectionCloseOk
from coolamqp.objects import Message
from coolamqp.tracing import HoldingFrameTracer
from tests.aio.support import soon
from tests.support.socket_broker import SocketBroker, methods_sent


async def test_a_broker_that_closes_gets_the_message_that_was_on_its_way_and_then_the_answer(
    no_leaks: None,
) -> None:
    tracer, body = HoldingFrameTracer(), bytes(16 * 1024 * 1024)
    with SocketBroker() as broker:
        heard = asyncio.ensure_future(asyncio.to_thread(broker.close_amid_a_message))
        cluster = Cluster(broker.node, log_frames=tracer)
        await cluster.start()
        await cluster.publish(Message(body))
        assert await soon(heard) == (len(body), ConnectionCloseOk())
        await cluster.shutdown()
    assert ConnectionCloseOk() in methods_sent(tracer)
