"""Publishing from as many threads as a task asks for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bench.task import Task


def on_threads(task: Task, send: Callable[[int], object]) -> None:
    """Call `send` with how many messages it is to send, on each thread, or here if it is one."""
    if task.threads == 1:
        send(task.messages)
        return
    each, over = divmod(task.messages, task.threads)
    shares = [each + (index < over) for index in range(task.threads)]
    with ThreadPoolExecutor(task.threads) as pool:
        list(pool.map(send, shares))
