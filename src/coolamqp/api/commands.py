"""Commands: the way of the calls of a Cluster to the engine, and to the tracer."""

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
    """A future of a Cluster for threads or for asyncio."""

    def exception(self) -> BaseException | None:
        """Return the error of an ended future; None after success."""

    def add_done_callback(self, fn: Callable[[Any], Any], /) -> Any:
        """Call a function with the future when it has ended."""


FutureT = TypeVar('FutureT', bound=ClusterFuture)
# A function that calls the engine. Its second argument is the promise for the result.
Command: TypeAlias = Callable[[Engine, Any], None]


class Commands(ABC, Generic[FutureT]):
    """The access of calls to the engine and the tracer.

    :ivar tracer: the tracer for calls; None for none
    """

    tracer: CallTracer | None = None

    @abstractmethod
    def command(self, command: Command, span: CallSpan | None = None) -> FutureT:
        """Carry out a command under the engine lock, and return its future.

        :param span: the span to end together with the future
        :raises RuntimeError: the Cluster is not started
        :raises ConnectionDead: the Cluster is shut down
        """

    @abstractmethod
    def peer(self) -> tuple[str, int] | None:
        """Return host and port of the current node, for the tracer; None if there is none."""

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
        """Start the span of a call for a `with` block; the span is None without tracing.

        An exception in the block ends the span. Otherwise the code in the block must end it.

        :param subject: the queue, exchange or name that the call is about
        :param parent: the parent span; None for the active one, if any
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
