"""Waiting until clients have done something, and the records of connections."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import Final, TypeVar

from coolamqp.broker.calls import BrokerCalls
from coolamqp.broker.message import BrokerMessage
from coolamqp.broker.recorder import ConnectionRecord, Recorder
from coolamqp.broker.views import SeenMessage, describe_message, see_message

T = TypeVar('T')

WAIT_TIMEOUT: Final = 5.0
# How many messages a TimeoutError lists.
_LISTED_MAX: Final = 10


class Watchers:
    """The threads that wait until a client has done something."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: tuple[threading.Event, ...] = ()

    def notify(self) -> None:
        """Wake all threads; each of them checks whether its condition holds."""
        for event in self._events:
            event.set()

    def wait_until(self, condition: Callable[[], T], timeout: float) -> T:
        """Wait until a condition returns a true value; return the last value, true or not."""
        deadline = time.monotonic() + timeout
        event = threading.Event()
        with self._lock:
            self._events += (event,)
        try:
            while not (found := condition()) and event.wait(max(0.0, deadline - time.monotonic())):
                event.clear()
            return found
        finally:
            with self._lock:
                self._events = tuple(each for each in self._events if each is not event)


class Watched(BrokerCalls):
    """The calls of `coolamqp.broker.Broker` with which tests wait, and record connections."""

    def __init__(self) -> None:
        super().__init__()
        self._watchers = Watchers()

    def wait_until(self, condition: Callable[[], T], timeout: float = WAIT_TIMEOUT) -> T:
        """Wait until a condition is true.

        The method checks the condition after each event of the broker: received bytes, a new or a
        lost connection, a timer. It calls the condition on the calling thread.

        :param condition: a function without arguments, such as
            ``lambda: broker.queue('jobs').consumers``; a `KeyError` counts as false, so the queue
            need not exist yet
        :param timeout: the longest time to wait, in seconds
        :returns: the true value that the condition has returned
        :raises TimeoutError: the condition was false until the timeout
        :raises RuntimeError: an event loop runs in this thread, and the wait would block it

        >>> broker.wait_until(lambda: broker.queue('jobs').is_empty)  # doctest: +SKIP
        True
        """
        __tracebackhide__ = True  # pytest shows the line of the test instead
        _check_may_wait('wait_until')
        errors: list[KeyError] = []

        def check() -> T | None:
            errors.clear()
            try:
                return condition()
            except KeyError as error:
                errors.append(error)
                return None

        found = self._watchers.wait_until(check, timeout)
        if not found:
            cause = errors[0] if errors else None
            what = f'it raised {cause!r}' if cause else f'it was {found!r}'
            raise TimeoutError(f'the condition was not true in {timeout:g} s: {what}') from cause
        return found

    def wait_for_message(
        self,
        exchange: str | None = None,
        routing_key: str | None = None,
        where: Callable[[SeenMessage], object] | None = None,
        timeout: float = WAIT_TIMEOUT,
    ) -> SeenMessage:
        """Return the first published message that fulfils all given conditions.

        The method searches the messages of `published` first, and then waits for new ones. Without
        conditions, it returns the first message of all.

        :param exchange: the exchange of the message; empty for the default exchange
        :param routing_key: the routing key of the message
        :param where: a function that receives a message, and returns whether it fulfils the
            condition; it runs on the calling thread
        :param timeout: the longest time to wait, in seconds
        :raises TimeoutError: no such message came until the timeout; the text lists the last
            messages that clients have published
        :raises RuntimeError: an event loop runs in this thread, and the wait would block it

        >>> broker.wait_for_message(routing_key='invoices').body  # doctest: +SKIP
        b'3 EUR'
        """
        __tracebackhide__ = True  # pytest shows the line of the test instead
        _check_may_wait('wait_for_message')
        unseen = self._unseen()

        def find() -> SeenMessage | None:
            for message in next(unseen):
                if (
                    exchange in (None, message.exchange)
                    and routing_key in (None, message.routing_key)
                    and (where is None or where(message))
                ):
                    return message
            return None

        found = self._watchers.wait_until(find, timeout)
        if found is None:
            wanted = _describe_wanted(exchange, routing_key, where)
            raise TimeoutError(f'no message{wanted} in {timeout:g} s; {self._describe_published()}')
        return found

    def _unseen(self) -> Iterator[list[SeenMessage]]:
        """Yield the published messages, and then at each step those published since the last."""
        last: BrokerMessage | None = None

        def newest() -> list[BrokerMessage]:
            return list(takewhile(lambda each: each is not last, reversed(self._state.published)))

        while True:
            messages = self._call(newest)
            if messages:
                last = messages[0]
            yield [see_message(each) for each in reversed(messages)]

    def _describe_published(self) -> str:
        published = self._call(lambda: list(self._state.published))
        if not published:
            return 'nothing was published'
        lines = [describe_message(see_message(each)) for each in published[-_LISTED_MAX:]]
        count = len(published)
        which = 'these were published' if count <= _LISTED_MAX else f'the last of {count} published'
        return '\n  '.join([f'{which}:', *lines])

    @property
    def vhosts(self) -> list[str]:
        """The names of the virtual hosts."""
        return self._call(lambda: list(self._state.vhosts))

    # The records of connections

    def record(self) -> None:
        """Record the last bytes of each connection from now on, for `recorded`."""

        def begin() -> None:
            if self._server.recorder is None:
                self._server.recorder = Recorder(self._server.now)

        self._call(begin)

    @property
    def recorded(self) -> list[ConnectionRecord]:
        """The records of the connections since the call of `record`.

        A record has the last 64 KiB of each direction. The list includes the last 16 connections
        that have ended. It is empty if `record` was not called.
        """

        def read() -> list[ConnectionRecord]:
            recorder = self._server.recorder
            return [] if recorder is None else recorder.records()

        return self._call(read)


def _check_may_wait(name: str) -> None:
    __tracebackhide__ = True
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        f'{name}() would block the event loop of this thread; '
        f'instead, write: await asyncio.to_thread(broker.{name}, ...)'
    )


def _describe_wanted(exchange: str | None, routing_key: str | None, where: object) -> str:
    conditions = [
        f'{name} {value!r}'
        for name, value in (('exchange', exchange), ('routing key', routing_key))
        if value is not None
    ]
    if where is not None:
        conditions.append('the condition')
    return f' with {" and ".join(conditions)}' if conditions else ''
