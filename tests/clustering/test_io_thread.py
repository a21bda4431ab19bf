"""The I/O thread: which thread may wait for the broker, and what becomes of a defect."""

from __future__ import annotations

import selectors
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from coolamqp.api.base_driver import Reports
from coolamqp.clustering.io_thread import IOThread
from coolamqp.exceptions import ConnectionDead
from tests.clustering.rig import DriverRig

PATIENCE = 20.0  # seconds


def io_thread_of(rig: DriverRig) -> IOThread:
    return IOThread('test', rig.lock, rig.leadership, rig.driver, rig.dispatcher)


@pytest.fixture
def rig(no_leaks: None) -> Iterator[DriverRig]:
    with DriverRig() as rig:
        yield rig


def test_a_thread_of_the_program_may_wait(rig: DriverRig) -> None:
    assert io_thread_of(rig).may_wait()


def test_a_leader_that_runs_a_callback_may_wait_and_gives_the_lead_back(rig: DriverRig) -> None:
    rig.leadership.lend(threading.current_thread())
    assert rig.leadership.resume()
    rig.leadership.leave()
    assert io_thread_of(rig).may_wait()
    assert rig.leadership.leader is None


def test_a_leader_that_drives_must_not_wait(rig: DriverRig) -> None:
    rig.leadership.lend(threading.current_thread())
    assert rig.leadership.resume()
    assert not io_thread_of(rig).may_wait()
    assert rig.leadership.leader is threading.current_thread()


def test_other_threads_wake_the_leader(rig: DriverRig) -> None:
    rig.up()
    rig.while_asleep(io_thread_of(rig).wake)
    assert rig.selector.woken


def test_the_leader_does_not_wake_itself(rig: DriverRig) -> None:
    rig.up()
    rig.leadership.lend(threading.current_thread())
    rig.while_asleep(io_thread_of(rig).wake)
    assert not rig.selector.woken


class RealRig(DriverRig):
    """Lets an I/O thread drive; the first node cannot be had, so that there is an effect.

    :ivar may_wait: whether the I/O thread may wait while it carries effects out
    :ivar defect: what carrying out raises; None for nothing
    """

    def __init__(self, defect: Exception | None = None) -> None:
        super().__init__(selectors.DefaultSelector())
        self.error = OSError('no way there')
        self.io_thread = io_thread_of(self)
        self.may_wait: bool | None = None
        self.defect = defect

    def on_reported(self, reports: Reports) -> None:
        if self.may_wait is None:
            self.may_wait = self.io_thread.may_wait()
        super().on_reported(reports)
        defect, self.defect = self.defect, None
        if defect is not None:
            raise defect

    def run(self) -> None:
        """Run the I/O thread to its end."""
        self.engine.start(self.clock.now)
        self.io_thread.start()
        with self.lock:
            self.engine.stop(self.clock.now)
            self.driver.notify()
        self.io_thread.thread.join(PATIENCE)
        assert not self.io_thread.thread.is_alive()


def test_the_io_thread_must_not_wait_and_ends_with_the_engine(
    no_leaks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    monkeypatch.setitem(sys.modules, 'prctl', SimpleNamespace(set_name=names.append))
    rig = RealRig()
    rig.run()
    assert rig.may_wait is False
    assert names == ['test AMQP listener thread']  # for the operating system


def test_a_defect_ends_all_waiting_and_is_logged(
    no_leaks: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    raised: list[object] = []
    monkeypatch.setattr(threading, 'excepthook', lambda args: raised.append(args.exc_value))
    defect = ZeroDivisionError('a defect')
    rig = RealRig(defect)
    promise = rig.publish(b'x')
    rig.run()
    assert raised == [defect]
    assert 'a defect of CoolAMQP' in caplog.text
    assert isinstance(promise.error, ConnectionDead)
