"""Spans: what a Cluster tells a tracer of calls, and the context that messages carry.

Knows the hook of `coolamqp.tracing`, and no tracer. None stands for no span.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

from coolamqp.argumentify import argumentify
from coolamqp.attaches.mailbox import Mailbox
from coolamqp.attaches.publication import Addressed
from coolamqp.exceptions import CoolAMQPError, WireError
from coolamqp.framing.text import Text
from coolamqp.objects import Exchange, ExchangeBind, Message, Queue, QueueBind, ReceivedMessage
from coolamqp.tracing import Call, CallSpan, CallTracer

logger = logging.getLogger(__name__)


class Ended(Protocol):
    """A future that has ended, of whichever face."""

    def cancelled(self) -> bool:
        """Whether it was cancelled."""

    def exception(self) -> BaseException | None:
        """Give the error that it ended with, if any."""


# How a span begins and ends


def begin_span(tracer: CallTracer, call: Call, parent: Any) -> CallSpan | None:
    """Begin a span. What the tracer raises is logged: it must cost neither call nor connection."""
    try:
        return tracer.begin(call, parent)
    except Exception:
        logger.exception('the tracer raised')
        return None


def end_span(span: CallSpan | None, error: BaseException | None = None) -> None:
    """End a span. What the tracer raises is logged: it must cost neither call nor connection."""
    if span is None:
        return
    try:
        span.end(error)
    except Exception:
        logger.exception('the tracer raised')


def end_with(span: CallSpan, future: Ended) -> None:
    """End a span as a future has ended; with the span given first, a done-callback."""
    if future.cancelled():
        end_span(span, CoolAMQPError('the call was cancelled'))
    else:
        end_span(span, future.exception())


# What messages carry


def with_context(message: Message, span: CallSpan | None) -> Message:
    """Give the message with the context of a span among its headers; it stays as it is itself.

    Headers of the same names are replaced, as when a message that was received is sent on.
    """
    if span is None or not isinstance(message, Message):  # Whoever publishes refuses the latter.
        return message
    context = argumentify(dict(_headers_of_span(span)))
    if not context:
        return message
    names = {name for name, _ in context}
    kept = [pair for pair in argumentify(message.properties.headers) if pair[0] not in names]
    return Message(message.body, message.properties.replace(headers=kept + context))


def all_with_context(items: Iterable[Addressed], span: CallSpan | None) -> Iterable[Addressed]:
    """Do the same for the items of `publish_many`."""
    return items if span is None else (_item_with_context(item, span) for item in items)


def _item_with_context(item: Any, span: CallSpan) -> Any:
    match item:
        case (message, exchange, routing_key):
            return with_context(message, span), exchange, routing_key
        case _:
            return with_context(item, span)


def _headers_of_span(span: CallSpan) -> Mapping[str, str]:
    try:
        return span.headers()
    except Exception:
        logger.exception('the tracer raised')
        return {}


# What a call is about


def name_of(subject: object) -> str:
    """Give the name of what a call is about; empty if it has none, or is nothing of the kind."""
    if isinstance(subject, QueueBind):
        subject = subject.queue
    elif isinstance(subject, ExchangeBind):
        subject = subject.destination
    elif isinstance(subject, (Queue, Exchange)):
        subject = subject.name
    if isinstance(subject, str):
        return subject
    if isinstance(subject, (bytes, bytearray, memoryview)):
        return bytes(subject).decode('utf-8', 'backslashreplace')
    return ''


def destination_of(exchange: Exchange | Text | None, routing_key: Text) -> str:
    """Give where a message is published to: for the default exchange that is a queue."""
    return name_of(exchange) or name_of(routing_key)


@contextmanager
def processing(
    tracer: CallTracer, mailbox: Mailbox, message: ReceivedMessage, peer: tuple[str, int] | None
) -> Iterator[None]:
    """Give the block in which a message is processed by the callback of its consumer."""
    details = {
        'exchange': name_of(message.exchange_name),
        'routing_key': name_of(message.routing_key),
    }
    call = Call('process', 'consumer', name_of(mailbox.queue), peer, details)
    stack = ExitStack()
    try:
        block = tracer.process(call, _headers_of_message(message), mailbox.span)
        stack.enter_context(block)
    except Exception:
        logger.exception('the tracer raised')
    try:
        yield
    except BaseException:
        _leave(stack, *sys.exc_info())
        raise
    _leave(stack, None, None, None)


def _leave(stack: ExitStack, *details: Any) -> None:
    """End a block of the tracer's, which is told what the callback has raised, if it has."""
    try:
        stack.__exit__(*details)
    except BaseException as error:
        if error is not details[1]:
            logger.exception('the tracer raised')


def _headers_of_message(message: ReceivedMessage) -> dict[str, Any]:
    try:
        return message.headers
    except WireError:  # It is for the callback to find out, if it looks at them.
        return {}
