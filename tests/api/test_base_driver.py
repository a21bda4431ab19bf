"""What the drivers of both faces do alike: carry effects out, in their order."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from coolamqp.attaches.effects import Effects
from coolamqp.attaches.events import ConnectionFailed, TopologyRestored
from coolamqp.attaches.mailbox import Mailbox
from tests.api.core import SmallCore
from tests.support.scripted_broker import NODE


@pytest.fixture
def core() -> SmallCore:
    return SmallCore()


def test_events_come_before_callbacks_and_these_before_futures(core: SmallCore) -> None:
    effects, future = Effects(), Future[Any]()
    future.add_done_callback(lambda _future: core.done.append('future'))
    core.reporter.on_event.add(lambda _event: None)
    effects.succeed(future)
    effects.call(Mailbox(), print)
    effects.report(TopologyRestored(NODE))
    core.carry_out(effects)
    assert core.done == ['hook', 'callbacks', 'future', 'state change']


def test_only_events_change_the_state(core: SmallCore) -> None:
    effects = Effects()
    effects.succeed(Future())
    core.carry_out(effects)
    assert core.done == []


def test_an_event_that_cannot_be_reported_costs_nothing_else(
    core: SmallCore, caplog: pytest.LogCaptureFixture
) -> None:
    effects, future = Effects(), Future[Any]()
    core.raising = ZeroDivisionError('in the hook')
    core.reporter.on_event.add(lambda _event: None)
    effects.report(TopologyRestored(NODE))
    effects.report(ConnectionFailed(NODE, OSError('later'), 1.0))
    effects.succeed(future)
    core.carry_out(effects)
    assert future.done()
    assert 'in the hook' in caplog.text
    assert [str(fault.cause) for fault in core.reporter.faults] == ['later']


def test_a_defect_of_the_dispatcher_leaves_no_future_pending(core: SmallCore) -> None:
    effects, future = Effects(), Future[Any]()
    core.dispatcher.raising = ZeroDivisionError('in the dispatcher')
    effects.call(Mailbox(), print)
    effects.succeed(future)
    with pytest.raises(ZeroDivisionError):
        core.carry_out(effects)
    assert future.done()
