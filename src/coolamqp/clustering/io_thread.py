"""The I/O thread of a Cluster. It drives the engine while no dispatcher thread does."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from coolamqp.api.guarded import log_failed_driver
from coolamqp.clustering.dispatcher import Dispatcher
from coolamqp.clustering.driver import Driver
from coolamqp.clustering.leader import Leadership
from coolamqp.clustering.thread_names import name_this_thread
from coolamqp.log_events import LogEvent, extra, one_line

logger = logging.getLogger(__name__)

# After this many seconds, a thread that has not ended in time is stuck in an inline callback.
STUCK_SECONDS: Final = 0.5


class IOThread:
    """The thread that drives the engine, or checks the dispatcher thread that drives it.

    :param name: the name of the Cluster
    :ivar thread: the thread itself
    """

    def __init__(
        self,
        name: str,
        lock: threading.RLock,
        leadership: Leadership,
        driver: Driver,
        dispatcher: Dispatcher,
    ) -> None:
        self.driver = driver
        self.thread = threading.Thread(
            target=self._run, name=f'{name} AMQP listener thread', daemon=True
        )
        self._lock = lock
        self._leadership = leadership
        self._dispatcher = dispatcher
        self._failure: BaseException | None = None  # of the leader

    def start(self) -> None:
        """Start the thread."""
        self.thread.start()

    def join(self, timeout: float | None) -> None:
        """Wait for the end of the thread, unless a signal handler has interrupted its start.

        :param timeout: the time that the engine has for its end, in seconds; None for no limit
        """
        if not self.thread.is_alive():
            return
        self.thread.join(None if timeout is None else timeout + STUCK_SECONDS)
        if self.thread.is_alive():
            logger.warning(
                '%s still runs a callback; it is left to itself',
                one_line(self.thread.name),
                extra=extra(LogEvent.CALLBACK_ABANDONED),
            )

    def may_wait(self) -> bool:
        """Whether this thread may wait for the broker.

        If it is the leader, the I/O thread becomes the leader. False while this thread drives the
        engine, as in inline callbacks.
        """
        thread, leadership = threading.current_thread(), self._leadership
        if thread is self.thread:
            return False
        if thread is leadership.leader:
            with self._lock:
                if leadership.leader is thread and not leadership.away:
                    return False
                leadership.give_back()
        return True

    def wake(self) -> None:
        """Wake the leader, to look for new work. Any thread may call this, also with a lock."""
        if threading.current_thread() not in (self.thread, self._leadership.leader):
            self.driver.wake()

    def _run(self) -> None:
        name_this_thread(self.thread.name)
        try:
            while self.driver.turn(True):
                self._lend_lead()
        except BaseException:
            # First of all, so that nobody waits for ever, whatever the log does.
            self.driver.fail()
            log_failed_driver(logger)
            raise
        finally:
            self.driver.close()

    def _lend_lead(self) -> None:
        """Make a dispatcher thread the leader while its callbacks are quick."""
        now = time.monotonic()
        if not self._leadership.may_lend(now):
            return
        thread = self._dispatcher.thread_to_lead(now)
        if thread is None:
            return
        with self._lock:
            self._leadership.lend(thread)
        self._dispatcher.offer_lead(self._drive)
        self._leadership.stand_by()
        self._dispatcher.withdraw_lead()
        if self._failure is not None:
            raise self._failure

    def _drive(self, busy: bool) -> bool:
        """Do a turn on the dispatcher thread that is the leader. Return whether it still is.

        :param busy: whether callbacks are waiting, so that it does not sleep
        """
        with self._lock:
            if not self._leadership.resume():
                return False
        try:
            goes_on = self.driver.turn(not busy)
        except BaseException as error:  # noqa: BLE001 - the I/O thread raises it
            self._failure = error
            goes_on = False
        with self._lock:
            if goes_on:
                self._leadership.leave()
            else:
                self._leadership.give_back()
        return goes_on
