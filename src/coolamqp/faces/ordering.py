"""How a face hands an order to the engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeAlias, TypeVar

from coolamqp.supervisor.engine import Engine

FutureT = TypeVar('FutureT')
# Tells the engine what is wanted; the second argument is the promise that it is to end.
Order: TypeAlias = Callable[[Engine, Any], None]


class Ordering(ABC, Generic[FutureT]):
    """Something that can hand an order to the engine, and gives a future for it."""

    @abstractmethod
    def order(self, order: Order) -> FutureT:
        """Carry out an order under the engine's lock, and wake whoever drives the engine.

        :raises RuntimeError: the Cluster was not started
        :raises ConnectionDead: it was shut down
        """
