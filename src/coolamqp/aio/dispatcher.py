"""Running what programs gave us to run: message callbacks and hooks, plain or coroutine functions.

Each consumer has a mailbox, emptied in order by a task of its own, which is there only while there
is something in it. So a slow coroutine costs nobody but its own consumer. A consumer with `workers`
has as many tasks at once; one that is `inline` has none, and its callbacks are called at reception.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from inspect import isawaitable
from typing import Any, Final

from coolamqp.api.backlog import Backlog
from coolamqp.api.guard import log_exception
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.effects import Hook, message_of
from coolamqp.attaches.receiver import Receiver
from coolamqp.objects import Callable as CallableList
from coolamqp.objects import ReceivedMessage
from coolamqp.objects.message import body_size

logger = logging.getLogger(__name__)

# A task gives way to the rest of the program after so many items.
TURN: Final = 64
RAISED: Final = 'on_message of the consumer of %r raised'


class Mailbox:
    """What waits to be run for one consumer, or for the Cluster itself (None).

    :ivar workers: by how many tasks it may be emptied at once
    :ivar tasks: by how many it is
    """

    __slots__ = ('consumer', 'items', 'tasks', 'workers')

    def __init__(self, consumer: Receiver | None) -> None:
        self.consumer = consumer
        self.items: deque[Delivery | Hook] = deque()
        self.workers = 1 if consumer is None else consumer.workers
        self.tasks = 0


class Dispatcher:
    """The mailboxes of one Cluster, and the tasks that empty them.

    :param name: of the tasks
    :param callback_of: gives what is to be called with the messages of a consumer, if anything
    :param keep: puts a message for a consumer without `on_message` where it waits to be asked for;
        it counts until `release`
    :param on_room: called when there is room again in a backlog that was full
    """

    def __init__(
        self,
        name: str,
        callback_of: Callable[[Receiver], Callable[[Any], Any] | None],
        keep: Callable[[Receiver, Delivery], None],
        on_room: Callable[[], None],
    ) -> None:
        self.backlog = Backlog()
        self._name = name
        self._callback_of = callback_of
        self._keep = keep
        self._on_room = on_room
        self._mailboxes: dict[Receiver | None, Mailbox] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._abandoned = False

    def post(self, posts: list[tuple[Receiver, Delivery | Hook]]) -> None:
        """Put items into the mailboxes of their consumers."""
        for consumer, item in posts:
            message = message_of(item)
            if message is not None:
                self.backlog.add(1, body_size(message.body))
            if consumer.inline:
                self._run_inline(consumer, item)
            else:
                self._mailbox(consumer).items.append(item)
                self._rouse(consumer)

    def call(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Have a function called that belongs to no consumer; these keep their order too."""
        self._mailbox(None).items.append(Hook(function, arguments))
        self._rouse(None)

    def deliver(self, consumer: Receiver, message: Delivery) -> None:
        """Hand a message to the program next, from an extension point of its consumer."""
        self.backlog.add(1, body_size(message.body))
        if consumer.inline:
            self._run_inline(consumer, message)
        else:
            self._mailbox(consumer).items.appendleft(message)
            self._rouse(consumer)

    def release(self, message: ReceivedMessage) -> None:
        """Note that a message waits no more."""
        if self.backlog.release(1, body_size(message.body)):
            self._on_room()

    async def stop(self, timeout: float) -> None:
        """Wait until everything has run, but for the task that waits here.

        :param timeout: how long to wait for a callback that is running, in seconds
        """
        tasks = self._tasks - {asyncio.current_task()}
        running = (await asyncio.wait(tasks, timeout=timeout))[1] if tasks else ()
        for task in running:
            logger.warning('%s still runs a callback; it is left to itself', task.get_name())

    def abandon(self) -> None:
        """Run nothing any more: the event loop ends."""
        self._abandoned = True
        for task in self._tasks:
            task.cancel()

    # Inside

    def _mailbox(self, consumer: Receiver | None) -> Mailbox:
        mailbox = self._mailboxes.get(consumer)
        if mailbox is None:
            mailbox = self._mailboxes[consumer] = Mailbox(consumer)
        return mailbox

    def _rouse(self, consumer: Receiver | None) -> None:
        mailbox = self._mailboxes[consumer]
        if mailbox.tasks >= mailbox.workers or self._abandoned:
            return
        mailbox.tasks += 1
        whom = '' if consumer is None else f' of {consumer.queue.name!r}'
        task = asyncio.create_task(self._serve(mailbox), name=f'{self._name} dispatcher{whom}')
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, mailbox: Mailbox) -> None:
        items, consumer = mailbox.items, mailbox.consumer
        turn = TURN
        try:
            while items:
                await self._run(consumer, items.popleft())
                turn -= 1
                if not turn:
                    turn = TURN
                    await asyncio.sleep(0)
        finally:
            mailbox.tasks -= 1
            if not mailbox.tasks and not items and consumer is not None and consumer.cancelled:
                self._mailboxes.pop(consumer, None)

    async def _run(self, consumer: Receiver | None, item: Delivery | Hook) -> None:
        if isinstance(item, Hook):
            for function in _functions(item):
                await _succeeds(function, item.arguments, '%r raised', function)
            self._release_carried(item)
        elif consumer is not None:
            await self._deliver(consumer, item)

    async def _deliver(self, consumer: Receiver, message: Delivery) -> None:
        callback = self._callback_of(consumer)
        if consumer.cancelled:
            self.release(message)
        elif callback is None:
            self._keep(consumer, message)
        else:
            try:
                if not await _succeeds(callback, (message,), RAISED, consumer.queue.name):
                    consumer.settle_failed(message)
            finally:
                self.release(message)

    def _run_inline(self, consumer: Receiver, item: Delivery | Hook) -> None:
        """Call what there is to be called here and now; what it wants awaited is so later on."""
        if isinstance(item, Hook):
            for function in _functions(item):
                self._succeeds_inline(function, item.arguments, '%r raised', function)
            self._release_carried(item)
            return
        callback = None if consumer.cancelled else self._callback_of(consumer)
        if callback is not None and not self._succeeds_inline(
            callback, (item,), RAISED, consumer.queue.name
        ):
            consumer.settle_failed(item)
        self.release(item)

    def _release_carried(self, hook: Hook) -> None:
        if hook.carries is not None:
            self.release(hook.carries)

    def _succeeds_inline(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], words: str, what: object
    ) -> bool:
        try:
            result = function(*arguments)
        except Exception:  # noqa: BLE001 - it is logged
            log_exception(logger, words, what)
            return False
        if isawaitable(result):
            self.call(lambda: result)
        return True


async def _succeeds(
    function: Callable[..., Any], arguments: tuple[Any, ...], words: str, what: object
) -> bool:
    """Run a function of the program's, plain or not; what it raises is logged, and tells False."""
    try:
        result = function(*arguments)
        if isawaitable(result):
            await result
    except asyncio.CancelledError:
        if _is_cancelled():
            raise
        log_exception(logger, words, what)
    except Exception:  # noqa: BLE001 - it is logged
        log_exception(logger, words, what)
    else:
        return True
    return False


def _functions(hook: Hook) -> list[Callable[..., Any]]:
    """Give the functions of a hook one by one, since some may be coroutine functions."""
    function = hook.function
    return function.take() if isinstance(function, CallableList) else [function]


def _is_cancelled() -> bool:
    """Whether the task is cancelled, and not only something that its callback has awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
