"""Where what threads publish enters the engine: under its lock, and within the bounds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from coolamqp.api.bounds import Bounds
from coolamqp.attaches.publication import Publication
from coolamqp.clustering.condition import Condition
from coolamqp.clustering.driver import Driver
from coolamqp.supervisor.engine import Engine

# So often those who wait for room are not woken though there may be a little.
PATIENCE: Final = 8


class Admission:
    """Publishes; a thread for whose message there is no room waits here.

    :param lock: held whenever the engine is touched
    :param check_running: gives the driver, or raises if nothing can be published; called with
        the lock
    :param check_may_wait: raises if this thread must not wait; called without the lock
    """

    def __init__(
        self,
        engine: Engine,
        bounds: Bounds,
        lock: threading.Lock,
        check_running: Callable[[], Driver],
        check_may_wait: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._bounds = bounds
        self._lock = lock
        self._room = Condition(lock)
        self._waiting = 0
        self._held_back = 0  # how often those who wait were not woken, one time after the other
        self._check_running = check_running
        self._check_may_wait = check_may_wait
        self._driver: Driver | None = None

    def open(self, driver: Driver) -> None:
        """Take messages from now on, and have them sent by this driver; the lock is held."""
        self._driver = driver

    def publish(self, publication: Publication, timeout: float | None) -> None:
        """Publish with a confirm: the publication's promise ends.

        :param timeout: how long to wait for room, in seconds
        :raises TimeoutError: there was none in time; the message is not published
        """
        with self._lock:
            driver = self._running()
            if not self._bounds.has_room():
                self._wait_for(self._bounds.has_room, timeout)
            self._engine.publish(publication)
            driver.send_or_notify()

    def publish_plain(self, publication: Publication, timeout: float | None) -> None:
        """Publish without a confirm; as `publish` otherwise."""
        with self._lock:
            driver = self._running()
            if not self._bounds.has_sent_enough():
                self._wait_for(self._bounds.has_sent_enough, timeout)
            self._engine.publish_plain(publication)
            driver.send_or_notify()

    def publish_batch(self, publications: list[Publication], deadline: float | None) -> int:
        """Publish with confirms as many as there is room for; give how many that were.

        :param deadline: until when to wait for room, on the monotonic clock
        :raises TimeoutError: there was none in time for the first
        """
        done = 0
        with self._lock:
            driver = self._running()
            for publication in publications:
                if not self._bounds.has_room():
                    if done:
                        break
                    self._wait_for(self._bounds.has_room, seconds_until(deadline))
                self._engine.publish(publication)
                done += 1
            driver.notify()
        return done

    def on_progress(self, more_follows: bool) -> None:
        """Let those go on who wait, if there is room now; the lock is held.

        :param more_follows: whether this will be called again at once, so that nobody needs to be
            woken yet for room that is filled again after a message or two
        """
        if not self._waiting:
            return
        self._held_back += 1
        if not more_follows or self._held_back >= PATIENCE or self._bounds.is_roomy():
            self._held_back = 0
            self._room.notify_all()

    def _running(self) -> Driver:
        driver = self._driver
        if driver is None or not self._engine.takes_commands:
            return self._check_running()
        return driver

    def _wait_for(self, has_room: Callable[[], bool], timeout: float | None) -> None:
        """Wait, with the lock held, until the engine takes more."""
        self._lock.release()
        try:
            self._check_may_wait()
        finally:
            self._lock.acquire()
        self._waiting += 1
        try:
            if not self._room.wait_for(
                lambda: has_room() or not self._engine.takes_commands, timeout
            ):
                raise TimeoutError(f'too much is unconfirmed or unsent, for {timeout} s already')
            self._check_running()
        finally:
            self._waiting -= 1


def seconds_until(deadline: float | None) -> float | None:
    """Give the seconds that are left; None for no end."""
    return None if deadline is None else max(deadline - time.monotonic(), 0)
