"""The keeper sends heartbeats while the program makes no call."""

from __future__ import annotations

import gc
import threading
from typing import Any

from coolamqp.kombu.keeper import Keeper

INTERVAL = 0.04  # seconds
TIMEOUT = 10.0  # seconds
NAME = 'heartbeats of CoolAMQP for Kombu'


class Driver:
    """Counts how often it is asked to keep the connection alive."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)

    def keep_alive(self, interval: float) -> None:
        self.asked.release()


def keepers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == NAME]


def test_it_asks_again_and_again_until_it_is_ended() -> None:
    driver: Any = Driver()
    keeper = Keeper(driver, INTERVAL)
    (thread,) = keepers()

    assert all(driver.asked.acquire(timeout=TIMEOUT) for _ in range(3))
    keeper.end()

    assert not thread.is_alive()


def test_it_ends_with_a_connection_that_nobody_refers_to() -> None:
    driver: Any = Driver()
    Keeper(driver, 1000)
    (thread,) = keepers()

    del driver
    gc.collect()
    thread.join(TIMEOUT)

    assert not thread.is_alive()
