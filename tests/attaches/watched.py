"""A consumer that records the calls of its hooks, on a scripted broker."""

from __future__ import annotations

from typing import Any

from coolamqp.attaches import Consumer
from coolamqp.attaches.subscription import STEADY_SECONDS
from coolamqp.framing.definitions import BasicConsume
from coolamqp.framing.method import Method
from coolamqp.objects import Queue
from tests.support.ending import Ending
from tests.support.rig import Rig
from tests.support.scripted_broker import ScriptedBroker


class Watched(Consumer):
    """Records the calls of its hooks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calls: list[Any] = []
        self.on_cancel.add(lambda: self.calls.append('cancel'))
        self.on_broker_cancel.add(lambda: self.calls.append('broker cancel'))

    def on_operational(self, operational: bool) -> None:
        super().on_operational(operational)
        self.calls.append(operational)

    def on_close(self, payload: Method | None = None) -> None:
        super().on_close(payload)
        self.calls.append('close')


def watched(rig: Rig, queue: Queue | None = None, **arguments: Any) -> tuple[Watched, Ending]:
    """Start a consumer. Return it, and the promise that ends when it consumes."""
    future = Ending()
    consumer = Watched(queue or Queue('jobs'), None, future_to_notify=future, **arguments)
    rig.add(consumer)
    return consumer, future


def consuming(**arguments: Any) -> tuple[Rig, ScriptedBroker, Watched, int]:
    """Return a rig, its broker, a consumer that is online, and the number of its channel."""
    rig = Rig()
    broker = rig.up()
    consumer, future = watched(rig, **arguments)
    broker.serve()
    assert future.result() is None
    rig.advance(STEADY_SECONDS + 1)
    return rig, broker, consumer, broker.channel_of(BasicConsume)


class NoTruth:
    """A flag that is neither true nor false."""

    def __bool__(self) -> bool:
        raise ZeroDivisionError('no truth')
