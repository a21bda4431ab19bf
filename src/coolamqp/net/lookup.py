"""The look-up of the addresses of a host name.

A thread of its own waits for the answer, since `getaddrinfo` cannot be interrupted. It is a daemon
thread, so that no program waits for a name server at its end.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import NodeDefinition
from coolamqp.supervisor.addresses import Address


class Lookup:
    """The look-up for one node. It starts at once.

    :param on_done: called on another thread when the result is there. It is not called if the host
        is an address: the result is there at once
    """

    def __init__(self, node: NodeDefinition, on_done: Callable[[], None]) -> None:
        self._node = node
        self._on_done = on_done
        self._result: list[Address] | Exception | None = None
        try:
            self._result = self._addresses(socket.AI_NUMERICHOST)
        except (OSError, ValueError):  # It is a name.
            self._start()

    def _start(self) -> None:
        name = f'resolver of {self._node.host}'
        try:
            threading.Thread(target=self._run, name=name, daemon=True).start()
        except RuntimeError as error:  # The system has no thread to spare.
            self._result = error

    def _run(self) -> None:
        try:
            self._result = self._addresses(0)
        except Exception as error:  # noqa: BLE001 - `take` raises it
            self._result = error
        self._on_done()

    def _addresses(self, flags: int) -> list[Address]:
        node = self._node
        return list(socket.getaddrinfo(node.host, node.port, type=socket.SOCK_STREAM, flags=flags))

    def take(self) -> list[Address] | None:
        """Return the addresses, once; None before the result is there, and afterwards.

        :raises ConnectionDead: the name cannot be resolved
        """
        result, self._result = self._result, None
        if isinstance(result, Exception):
            raise ConnectionDead(f'the name cannot be resolved: {result}') from result
        return result
