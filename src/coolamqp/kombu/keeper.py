"""The heartbeats of a connection while the program makes no call: in a long task, or idle."""

from __future__ import annotations

import threading
import weakref

from coolamqp.kombu.pull_driver import PullDriver


class Keeper:
    """A thread that sends heartbeats until the connection is closed, or nobody refers to it.

    It never reads, so it does not judge whether the broker is silent. The calls of the program do.

    :param interval: the negotiated interval, in seconds
    """

    def __init__(self, driver: PullDriver, interval: float) -> None:
        self._ended = threading.Event()
        ended = self._ended
        reference = weakref.ref(driver, lambda _reference: ended.set())
        arguments = (reference, interval, ended)
        name = 'heartbeats of CoolAMQP for Kombu'
        self._thread = threading.Thread(target=_keep, args=arguments, name=name, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join()


def _keep(
    reference: weakref.ReferenceType[PullDriver], interval: float, ended: threading.Event
) -> None:
    while not ended.wait(interval / 4):
        driver = reference()
        if driver is None:
            return
        driver.keep_alive(interval)
        del driver
