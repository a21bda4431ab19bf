"""The base of the calls of `coolamqp.broker.Broker`: how they reach the thread of the broker."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final, TypeVar

from coolamqp.broker.base_queue import BaseQueue
from coolamqp.broker.errors import shown
from coolamqp.broker.server import Server
from coolamqp.broker.state import BrokerState
from coolamqp.broker.vhost import VirtualHost

T = TypeVar('T')

DEFAULT_VHOST: Final = '/'


class BrokerCalls(ABC):
    """The base of the mixins of `coolamqp.broker.Broker`."""

    _server: Server
    _state: BrokerState

    @abstractmethod
    def _call(self, function: Callable[[], T]) -> T:
        """Call a function on the thread of the broker, send the resulting bytes, return its result.

        :raises RuntimeError: the broker is not running
        """

    def _vhost(self, name: str) -> VirtualHost:
        return self._state.vhosts[name]

    def _queue(self, name: str, vhost: str) -> BaseQueue:
        queues = self._vhost(vhost).queues
        queue = queues.get(name.encode())
        if queue is None:
            existing = ', '.join(repr(shown(each)) for each in queues) or 'none'
            raise KeyError(f"there is no queue '{name}' in vhost '{vhost}'; there are: {existing}")
        return queue
