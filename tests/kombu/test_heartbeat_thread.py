"""The thread sends heartbeats while the program makes no call."""

from __future__ import annotations

import gc
import threading
from types import FrameType
from typing import Any

from coolamqp.kombu.heartbeat_thread import HeartbeatThread

INTERVAL = 0.04  # seconds
TIMEOUT = 10.0  # seconds
NAME = 'heartbeats of CoolAMQP for Kombu'


class Driver:
    """Counts how often it is asked to keep the connection alive."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)

    def keep_alive(self, interval: float) -> None:
        self.asked.release()


def heartbeat_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == NAME]


def test_it_asks_again_and_again_until_it_is_ended() -> None:
    driver: Any = Driver()
    thread_of_driver = HeartbeatThread(driver, INTERVAL)
    (thread,) = heartbeat_threads()

    assert all(driver.asked.acquire(timeout=TIMEOUT) for _ in range(3))
    thread_of_driver.end()

    assert not thread.is_alive()


def test_it_ends_with_a_connection_that_nobody_refers_to() -> None:
    driver: Any = Driver()
    HeartbeatThread(driver, 1000)
    (thread,) = heartbeat_threads()

    del driver
    gc.collect()
    thread.join(TIMEOUT)

    assert not thread.is_alive()


def test_it_ends_even_if_it_drops_the_connection_itself() -> None:
    """A garbage collection may happen on this thread, amid any call."""
    drivers: list[Any] = [Driver()]
    made = threading.Event()

    def drop(frame: FrameType, event: str, _argument: object) -> None:
        """Drop the driver within the innermost call."""
        if event == 'call' and frame.f_code.co_name == 'wait' and made.wait(TIMEOUT):
            drivers.clear()

    threading.settrace(drop)
    try:
        HeartbeatThread(drivers[0], 1000)
    finally:
        threading.settrace(None)
    (thread,) = heartbeat_threads()
    made.set()
    drivers.clear()
    thread.join(TIMEOUT)

    assert not thread.is_alive()
