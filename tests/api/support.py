"""What stands around the calls of a Cluster in these tests: an engine in memory, and a tracer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Any

from coolamqp.api.commands import Command, Commands
from coolamqp.api.spans import end_with
from coolamqp.tracing import Call, CallSpan
from tests.support.rig import Rig


class Span:
    """A span that records how it has ended.

    :ivar ends: the error of each end; None for an end without one
    :ivar added: the details that were added later
    :ivar links: the headers of the messages that it is linked to
    """

    def __init__(self, call: Call, parent: object) -> None:
        self.call = call
        self.parent = parent
        self.ends: list[BaseException | None] = []
        self.added: dict[str, str] = {}
        self.links: list[Mapping[str, Any]] = []

    def headers(self) -> Mapping[str, str]:
        return {'trace': 'this one'}

    def add_detail(self, name: str, value: str) -> None:
        self.added[name] = value

    def link(self, headers: Mapping[str, Any]) -> None:
        self.links.append(headers)

    def end(self, error: BaseException | None = None) -> None:
        self.ends.append(error)


class Tracer:
    """A tracer of calls that keeps its spans.

    :ivar processed: call, headers and parent of each block in which a message is processed
    :ivar raised: what the program raised in these blocks; None for nothing
    """

    traces_settlements = False

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.processed: list[tuple[Call, Sequence[Mapping[str, Any]], object]] = []
        self.raised: list[BaseException | None] = []

    def begin(self, call: Call, parent: Any) -> Span:
        self.spans.append(Span(call, parent))
        return self.spans[-1]

    @contextmanager
    def process(
        self, call: Call, headers: Sequence[Mapping[str, Any]], parent: Any
    ) -> Iterator[None]:
        self.processed.append((call, headers, parent))
        try:
            yield
        except BaseException as error:
            self.raised.append(error)
            raise
        self.raised.append(None)


class BrokenTracer:
    """A tracer that raises."""

    traces_settlements = True

    def begin(self, call: Call, parent: Any) -> Span:
        raise ZeroDivisionError('of the tracer')

    def process(self, call: Call, headers: Sequence[Mapping[str, Any]], parent: Any) -> Any:
        raise ZeroDivisionError('of the tracer')


class RigCommands(Commands[Future[Any]]):
    """Hands commands to the engine of a rig."""

    def __init__(self, tracer: Tracer | BrokenTracer | None = None) -> None:
        self.rig = Rig()
        self.tracer = tracer

    def command(self, command: Command, span: CallSpan | None = None) -> Future[Any]:
        future: Future[Any] = Future()
        if span is not None:
            future.add_done_callback(partial(end_with, span))
        command(self.rig.engine, future)
        return future

    def peer(self) -> tuple[str, int] | None:
        return 'broker', 5672
