"""How threads publish: under the lock of the engine, and waiting for room.

A signal handler or a finalizer that has interrupted the engine must not wait. Its publication is
postponed, and then waits for room in the queue of the engine.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from coolamqp.api.postponed import PostponedCalls
from coolamqp.attaches.publication import Publication
from coolamqp.clustering.condition import Condition
from coolamqp.clustering.driver import Driver
from coolamqp.clustering.lock import ownership
from coolamqp.exceptions import ConnectionDead
from coolamqp.supervisor.admission import Waiting, no_room
from coolamqp.supervisor.engine import Engine

# How often threads whose publications were admitted are left asleep, while more room is coming.
HELD_BACK_MAX: Final = 8


class Admission:
    """Publishes; a thread that finds no room waits here.

    :param lock: held whenever the engine is touched
    :param postponed: the calls that have interrupted the engine
    :param check_running: returns the driver, or raises if nothing can be published
    :param check_may_wait: raises if this thread must not wait; called without the lock
    """

    def __init__(
        self,
        engine: Engine,
        lock: threading.RLock,
        postponed: PostponedCalls,
        check_running: Callable[[], Driver],
        check_may_wait: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._window = engine.window
        self._lock = lock
        self._is_inside = ownership(lock)
        self._postponed = postponed
        self._room = Condition(lock)
        self._sleeping = 0  # threads
        self._held_back = 0  # how often they were left asleep, one time after the other
        self._check_running = check_running
        self._check_may_wait = check_may_wait
        self._driver: Driver | None = None

    def open(self, driver: Driver) -> None:
        """Publish from now on by this driver; the lock is held."""
        self._driver = driver

    def publish(self, publication: Publication, timeout: float | None) -> None:
        """Publish with a confirm.

        :param timeout: how long to wait for room, in seconds
        :raises TimeoutError: there was none in time; the message is not published
        """
        if self._is_inside():
            self._postpone(publication, partial(self._window.publish, publication, timeout))
            return
        with self._lock:
            driver = self._running()
            waiting = self._window.publish(publication)
            if waiting is None:
                driver.send_or_notify()
            else:
                self._wait(waiting, timeout)

    def publish_plain(self, publication: Publication, timeout: float | None) -> None:
        """Publish without a confirm; as `publish` otherwise."""
        if self._is_inside():
            self._postpone(publication, partial(self._window.publish_plain, publication, timeout))
            return
        with self._lock:
            driver = self._running()
            waiting = self._window.publish_plain(publication)
            if waiting is None:
                driver.send_or_notify()
            else:
                self._wait(waiting, timeout)

    def publish_batch(self, publications: list[Publication], timeout: float | None) -> int:
        """Publish with confirms as many as there is room for, at least one; return how many.

        :param timeout: how long the first may wait for room, in seconds
        :raises TimeoutError: there was none in time
        """
        if self._is_inside():
            for publication in publications:
                self._postpone(publication, partial(self._window.publish, publication, timeout))
            return len(publications)
        with self._lock:
            driver = self._running()
            for done, publication in enumerate(publications):
                if done and not self._window.is_open():
                    driver.notify()
                    return done
                waiting = self._window.publish(publication)
                if waiting is not None:
                    self._wait(waiting, timeout)
            driver.notify()
        return len(publications)

    def withdraw(self, publication: Publication) -> bool:
        """Withdraw a message; the lock is held. Return False if it was sent."""
        withdrawn = self._engine.withdraw(publication)
        if withdrawn and self._driver is not None:
            self._driver.notify()  # Others may wait for the room.
        return withdrawn

    def on_progress(self, more_follows: bool) -> None:
        """Wake the threads whose publications were admitted; the lock is held.

        :param more_follows: whether this is called again at once, so that no thread needs to wake
            yet for room that it fills again with a message or two
        """
        if not self._sleeping:
            return
        self._held_back += 1
        if not more_follows or self._held_back >= HELD_BACK_MAX or self._window.is_wide_open():
            self._held_back = 0
            self._room.notify_all()

    def _running(self) -> Driver:
        if self._postponed.waiting:
            self._postponed.carry_out()
        driver = self._driver
        if driver is None or not self._engine.takes_commands:
            return self._check_running()
        return driver

    def _postpone(self, publication: Publication, publish: Callable[[], object]) -> None:
        def publish_if_running() -> None:
            self._check_running()
            publish()

        driver = self._check_running()
        self._postponed.add(publish_if_running, publication.promise)
        driver.wake()

    def _wait(self, waiting: Waiting, timeout: float | None) -> None:
        """Sleep until the engine has admitted a publication, or has not; the lock is held.

        The thread measures the timeout itself, since the leader may be busy in a callback.
        """
        waiting.raises = True
        try:
            self._check_without_lock()
            if not waiting.over:
                self._check_running().notify()
            self._sleeping += 1
            try:
                self._room.wait_for(lambda: waiting.over, timeout)
            finally:
                self._sleeping -= 1
        except BaseException:  # Ctrl-C too: the message is not published then
            self.withdraw(waiting.publication)
            raise
        if not waiting.over:
            self.withdraw(waiting.publication)
            raise no_room(timeout)
        if waiting.error is not None:  # A new error, since other threads raise the same one.
            raise ConnectionDead(str(waiting.error)) from waiting.error

    def _check_without_lock(self) -> None:
        self._lock.release()
        try:
            self._check_may_wait()
        finally:
            self._lock.acquire()
