"""Commands: how the calls of a Cluster reach the engine, and a tracer if there is one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from coolamqp.api.spans import begin_span, end_span, name_of
from coolamqp.attaches.promise import Promise
from coolamqp.supervisor.engine import Engine
from coolamqp.tracing import Call, CallKind, CallSpan, CallTracer


class ClusterFuture(Promise, Protocol):
    """A future of whichever kind a Cluster makes."""

    def add_done_callback(self, fn: Callable[[Any], Any], /) -> Any:
        """Call a function with the future once it has ended."""


FutureT = TypeVar('FutureT', bound=ClusterFuture)
# Tells the engine what to do; the second argument is the promise that it is to end.
Command: TypeAlias = Callable[[Engine, Any], None]


class Commands(ABC, Generic[FutureT]):
    """Hands commands to the engine.

    :ivar tracer: sees the calls; None if there is no tracer
    """

    tracer: CallTracer | None = None

    @abstractmethod
    def command(self, command: Command, span: CallSpan | None = None) -> FutureT:
        """Carry out a command under the engine's lock, and return the future for it.

        :param span: a span to end with the future
        :raises RuntimeError: the Cluster was not started
        :raises ConnectionDead: it was shut down
        """

    @abstractmethod
    def peer(self) -> tuple[str, int] | None:
        """Return host and port of the present node, for the tracer; None if there is none."""

    @contextmanager
    def traced(
        self,
        name: str,
        subject: object,
        parent: Any = None,
        dont_trace: bool = False,
        *,
        kind: CallKind = 'client',
        **details: str,
    ) -> Iterator[CallSpan | None]:
        """Return a block in which a call begins, with its span; None if the call is not traced.

        An exception in the block ends the span. Otherwise the block sees to its end.

        :param subject: the queue, exchange or name that the call is about
        :param parent: the program's own span; None for the active one, if any
        """
        tracer = self.tracer
        if tracer is None or dont_trace:
            yield None
            return
        call = Call(name, kind, name_of(subject), self.peer(), details)
        span = begin_span(tracer, call, parent)
        try:
            yield span
        except BaseException as error:
            end_span(span, error)
            raise
