"""The heartbeats of a connection while the program makes no call: in a long task, or idle."""

from __future__ import annotations

import threading
import weakref
from queue import Empty, SimpleQueue

from coolamqp.kombu.pull_driver import PullDriver


class HeartbeatThread:
    """A thread that sends heartbeats until the connection is closed, or nobody refers to it.

    It never reads, so it does not judge whether the broker is silent. The calls of the program do.

    :param interval: the negotiated interval, in seconds
    """

    def __init__(self, driver: PullDriver, interval: float) -> None:
        # A garbage collection may drop the driver on any thread, even amid a method of this queue.
        # The lock of an Event would be held then; a SimpleQueue allows it.
        self._end: SimpleQueue[None] = SimpleQueue()
        end = self._end
        reference = weakref.ref(driver, lambda _reference: end.put(None))
        arguments = (reference, interval, end)
        name = 'heartbeats of CoolAMQP for Kombu'
        self._thread = threading.Thread(target=_send, args=arguments, name=name, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End the thread. It may be called more than once."""
        self._end.put(None)
        self._thread.join()


def _send(
    reference: weakref.ReferenceType[PullDriver], interval: float, end: SimpleQueue[None]
) -> None:
    while True:
        try:
            end.get(timeout=interval / 4)
        except Empty:
            driver = reference()
        else:
            return
        if driver is None:
            return
        driver.keep_alive(interval)
        del driver
