"""A client that loses a message without an error."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bench.clients import raw_socket
from bench.measurement import Measurement
from bench.task import Task

ABILITIES: Final = frozenset[str]()
UNABLE: Final = dict[str, str]()


def publish(task: Task) -> Measurement:
    return raw_socket.publish(replace(task, messages=task.messages - 1))


WORKS: Final = {'publish': publish}
