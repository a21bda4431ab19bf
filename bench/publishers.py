"""Publishing from several threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bench.task import Task


def on_threads(task: Task, send: Callable[[int], object]) -> None:
    """Call `send` with a number of messages on each thread; on this thread if there is only one."""
    if task.threads == 1:
        send(task.messages)
        return
    each, over = divmod(task.messages, task.threads)
    shares = [each + (index < over) for index in range(task.threads)]
    with ThreadPoolExecutor(task.threads) as pool:
        list(pool.map(send, shares))
