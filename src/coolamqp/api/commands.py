"""How a face hands an order to the engine, and shows it to the tracer if there is one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from coolamqp.api.spans import begin_span, end_span, name_of
from coolamqp.attaches.effects import Promise
from coolamqp.supervisor.engine import Engine
from coolamqp.tracing import Call, CallKind, CallSpan, CallTracer


class FaceFuture(Promise, Protocol):
    """A future of whichever kind a face gives."""

    def add_done_callback(self, fn: Callable[[Any], Any], /) -> Any:
        """Have a function called with it once it has ended."""


FutureT = TypeVar('FutureT', bound=FaceFuture)
# Tells the engine what is wanted; the second argument is the promise that it is to end.
Command: TypeAlias = Callable[[Engine, Any], None]


class Commands(ABC, Generic[FutureT]):
    """Something that can hand an order to the engine, and gives a future for it."""

    _call_tracer: CallTracer | None = None

    @abstractmethod
    def command(self, order: Command, span: CallSpan | None = None) -> FutureT:
        """Carry out an order under the engine's lock, and wake whoever drives the engine.

        :param span: ended with the future
        :raises RuntimeError: the Cluster was not started
        :raises ConnectionDead: it was shut down
        """

    def _peer(self) -> tuple[str, int] | None:
        """Give host and port of the present node, for the tracer; None if there is none."""
        return None

    @contextmanager
    def _traced(
        self,
        name: str,
        subject: object,
        parent: Any = None,
        dont_trace: bool = False,
        *,
        kind: CallKind = 'client',
        **details: str,
    ) -> Iterator[CallSpan | None]:
        """Give a block in which a call is begun, with its span; None if it is not traced.

        What the block raises ends the span. If it raises nothing, it has seen to the end itself.

        :param subject: what the call is about
        :param parent: the program's own span; None for the active one, if any
        """
        tracer = self._call_tracer
        if tracer is None or dont_trace:
            yield None
            return
        call = Call(name, kind, name_of(subject), self._peer(), details)
        span = begin_span(tracer, call, parent)
        try:
            yield span
        except BaseException as error:
            end_span(span, error)
            raise
