"""The tasks of a Cluster on its event loop: they run callbacks and hooks, plain functions or not.

A mailbox with something in it has a task of its own, so that a slow coroutine costs nobody but its
own consumer. A consumer with `workers` has as many tasks at once. What runs next, and for how long,
is decided in `coolamqp.supervisor.mailboxes`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from inspect import isawaitable
from typing import Any

from coolamqp.api.guarded import log_failed_callback, log_failed_hook
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.mailbox import Hook, Item, Mailbox, Received
from coolamqp.log_events import LogEvent, extra, one_line
from coolamqp.objects import Callable as CallableList
from coolamqp.objects import ReceivedMessage
from coolamqp.objects.callables import take_functions
from coolamqp.objects.message import body_size
from coolamqp.supervisor.mailboxes import (
    Mailboxes,
    Turn,
    callback_for,
    goes_back,
    settle_failed,
)

logger = logging.getLogger(__name__)


class Dispatcher:
    """The tasks that empty the mailboxes of one Cluster.

    :param name: of the tasks
    :param mailboxes: what waits to be run
    :param wrap: returns the function to call in place of a callback, in a span; None without tracer
    :param wake: called when reading may resume
    """

    def __init__(
        self,
        name: str,
        mailboxes: Mailboxes,
        wrap: Callable[[Mailbox, Callable[[Any], Any]], Callable[[Any], Any]] | None,
        wake: Callable[[], None],
    ) -> None:
        self._name = name
        self._mailboxes = mailboxes
        self._wrap = wrap
        self._wake = wake
        self._tasks: dict[asyncio.Task[Any], Mailbox] = {}
        self._stoppers: set[asyncio.Task[Any] | None] = set()  # that are in `stop`
        self._abandoned = False

    def post(self, callbacks: list[tuple[Mailbox, Item]]) -> None:
        """Put messages and hooks into their mailboxes; run inline ones here and now."""
        inline = self._mailboxes.post(callbacks)
        for mailbox, item in inline:
            self._run_inline(mailbox, item)
        self._rouse()

    def call(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function that belongs to no consumer; these run in order, too."""
        self._mailboxes.post_own(function, *arguments)
        self._rouse()

    def deliver(self, mailbox: Mailbox, message: Delivery) -> None:
        """Hand a message to the program next, from a hook of its consumer."""
        if mailbox.inline:
            self._run_inline(mailbox, message)
        else:
            self._mailboxes.post_first(mailbox, message)
            self._rouse()

    def release(self, message: ReceivedMessage) -> None:
        """Count out a message that a program has taken from an inbox."""
        if self._mailboxes.watermarks.release(1, body_size(message.body)):
            self._wake()

    def calling_mailbox(self) -> Mailbox | None:
        """Return the mailbox that the calling task serves; None if it serves none."""
        task = asyncio.current_task()
        return None if task is None else self._tasks.get(task)

    async def stop(self, timeout: float | None) -> None:
        """Wait until everything has run, but not for the tasks that wait here themselves.

        :param timeout: the time to wait for running callbacks, in seconds; None for no limit
        """
        caller = asyncio.current_task()
        self._stoppers.add(caller)
        try:
            await self._join(timeout)
        finally:
            self._stoppers.discard(caller)

    async def _join(self, timeout: float | None) -> None:
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        while tasks := self._tasks.keys() - self._stoppers:
            left = None if deadline is None else max(deadline - loop.time(), 0)
            running = (await asyncio.wait(tasks, timeout=left))[1]
            for task in running:
                logger.warning(
                    '%s still runs a callback; it is left to itself',
                    one_line(task.get_name()),
                    extra=extra(LogEvent.CALLBACK_ABANDONED),
                )
                del self._tasks[task]
            if running:
                return

    def abandon(self) -> None:
        """Run nothing any more: the event loop ends."""
        self._abandoned = True
        for task in self._tasks:
            task.cancel()

    # Tasks

    def _rouse(self) -> None:
        """Start a task for each mailbox whose turn is due."""
        while not self._abandoned and (mailbox := self._mailboxes.take()) is not None:
            consumer = f' of {mailbox.name}' if mailbox.name else ''
            name = f'{self._name} dispatcher{consumer}'
            turn = Turn(mailbox)
            task = asyncio.create_task(self._serve(turn), name=name)
            self._tasks[task] = mailbox
            task.add_done_callback(partial(self._on_done, turn))

    async def _serve(self, turn: Turn) -> None:
        """Run the items of a mailbox until it is empty. Let other tasks run now and then."""
        mailbox, loop = turn.mailbox, asyncio.get_running_loop()
        while True:
            turn.begin(mailbox, loop.time())
            while (item := turn.next(loop.time())) is not None:
                await self._run(turn, item)
            if not mailbox.items:
                return
            if self._mailboxes.count_out(turn):
                self._wake()
            await asyncio.sleep(0)

    def _on_done(self, turn: Turn, task: asyncio.Task[None]) -> None:
        """End the turn of a task, even if the task was cancelled before it began."""
        self._tasks.pop(task, None)  # It may be left to itself already.
        if self._mailboxes.give_back(turn):
            self._wake()
        self._rouse()

    async def _run(self, turn: Turn, item: Item) -> None:
        mailbox = turn.mailbox
        if isinstance(item, Hook):
            for function in _functions(item):
                await self._failure_of(function, item.arguments, None)
        elif turn.callback is not None:
            await self._run_callback(self._callback(mailbox, turn.callback), mailbox, item)

    async def _run_callback(
        self, callback: Callable[[Any], Any], mailbox: Mailbox, received: Received
    ) -> None:
        """Run a callback, and settle what it has received if it fails."""
        try:
            error = await self._failure_of(callback, (received,), mailbox)
        except asyncio.CancelledError:
            if mailbox.on_error != 'keep':
                received.nack()  # It is no fault of the message, and the program may be ending.
            raise
        if error is not None:
            settle_failed(mailbox, received, error)

    async def _failure_of(
        self,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        mailbox: Mailbox | None,
    ) -> BaseException | None:
        """Run a function of the program; log and return what it raises, and None otherwise.

        :param mailbox: the mailbox of the consumer whose callback it is; None for a hook
        """
        try:
            result = function(*arguments)
            if isawaitable(result):
                await result
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            _log_failure(function, mailbox)
            return error
        return None

    def _callback(self, mailbox: Mailbox, callback: Callable[[Any], Any]) -> Callable[[Any], Any]:
        if self._wrap is None or mailbox.dont_trace:
            return callback
        return self._wrap(mailbox, callback)

    # Inline

    def _run_inline(self, mailbox: Mailbox, item: Item) -> None:
        """Call a function here and now; a task awaits a result that must be awaited."""
        if isinstance(item, Hook):
            for function in _functions(item):
                self._run_hook_inline(function, item.arguments)
            return
        callback = None if goes_back(mailbox, item) else callback_for(mailbox)
        if callback is None:
            return
        try:
            result = self._callback(mailbox, callback)(item)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - it is logged
            log_failed_callback(logger, mailbox.name)
            settle_failed(mailbox, item, error)
        else:
            if isawaitable(result):
                self.call(self._run_callback, lambda _: result, mailbox, item)

    def _run_hook_inline(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        try:
            result = function(*arguments)
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 - it is logged
            log_failed_hook(logger, function)
        else:
            if isawaitable(result):
                self.call(lambda: result)


def _log_failure(function: Callable[..., Any], mailbox: Mailbox | None) -> None:
    if mailbox is None:
        log_failed_hook(logger, function)
    else:
        log_failed_callback(logger, mailbox.name)


def _functions(hook: Hook) -> list[Callable[..., Any]]:
    """Return the functions of a hook one by one, since some may be coroutine functions."""
    function = hook.function
    return take_functions(function) if isinstance(function, CallableList) else [function]


def _is_cancelled() -> bool:
    """Whether the task is cancelled, and not only something that its callback has awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
