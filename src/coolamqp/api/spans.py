"""Spans: the reports of calls to a tracer, and the span contexts in the headers of messages.

This module uses the interface in `coolamqp.tracing`, and no tracer directly. Without a span, the
argument is None.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

from coolamqp.argumentify import argumentify
from coolamqp.attaches.batch import Batch
from coolamqp.attaches.mailbox import Mailbox
from coolamqp.attaches.publication import Addressed
from coolamqp.exceptions import CoolAMQPError, WireError
from coolamqp.framing.text import Text
from coolamqp.log_events import LogEvent, extra
from coolamqp.objects import Exchange, ExchangeBind, Message, Queue, QueueBind, ReceivedMessage
from coolamqp.tracing import Call, CallSpan, CallTracer

logger = logging.getLogger(__name__)


class Ended(Protocol):
    """A future that has ended, for threads or for asyncio."""

    def cancelled(self) -> bool:
        """Whether it was cancelled."""

    def exception(self) -> BaseException | None:
        """Return the error of the future; None if it has succeeded."""


# The start and the end of spans


def begin_span(tracer: CallTracer, call: Call, parent: Any) -> CallSpan | None:
    """Start a span; log an exception of the tracer, so that it does not affect the call."""
    try:
        return tracer.begin(call, parent)
    except Exception:
        logger.exception('the tracer raised', extra=extra(LogEvent.TRACER_FAILED))
        return None


def add_detail(span: CallSpan | None, name: str, value: str) -> None:
    """Add a fact to a span; log an exception of the tracer."""
    if span is None:
        return
    try:
        span.add_detail(name, value)
    except Exception:
        logger.exception('the tracer raised', extra=extra(LogEvent.TRACER_FAILED))


def end_span(
    span: CallSpan | None, error: BaseException | None = None, result: object = None
) -> None:
    """End a span; log an exception of the tracer, so that it does not affect the call.

    :param result: the result of the call; a message is linked to the span
    """
    if span is None:
        return
    try:
        if isinstance(result, ReceivedMessage):
            span.link(_headers_of_message(result))
        span.end(error)
    except Exception:
        logger.exception('the tracer raised', extra=extra(LogEvent.TRACER_FAILED))


def end_with(span: CallSpan, future: Ended) -> None:
    """End a span with the error of a future. With `partial`, it is a done-callback."""
    if future.cancelled():
        end_span(span, CoolAMQPError('the call was cancelled'))
    else:
        end_span(span, future.exception())


# The span context in messages


def with_context(message: Message, span: CallSpan | None) -> Message:
    """Return a copy of a message with the span context in its headers.

    The context replaces headers with the same names, such as those of a received message that the
    program forwards.
    """
    # The caller raises TypeError for an object that is no message.
    if span is None or not isinstance(message, Message):
        return message
    context = argumentify(dict(_headers_of_span(span)))
    if not context:
        return message
    names = {name for name, _ in context}
    kept = [pair for pair in argumentify(message.properties.headers) if pair[0] not in names]
    return Message(message.body, message.properties.replace(headers=kept + context))


def all_with_context(items: Iterable[Addressed], span: CallSpan | None) -> Iterable[Addressed]:
    """Return copies of the items of `publish_many` with the span context, see `with_context`."""
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
        logger.exception('the tracer raised', extra=extra(LogEvent.TRACER_FAILED))
        return {}


# The subject of a call


def name_of(subject: object) -> str:
    """Return the name of a queue, an exchange or the target of a binding; empty if it has none."""
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
    """Return the exchange of a publication; for the default exchange, the routing key."""
    return name_of(exchange) or name_of(routing_key)


def details_of(message: object) -> dict[str, str]:
    """Return the ids of a message that it has; none for an object that is no message."""
    if not isinstance(message, Message):
        return {}
    try:
        properties = message.properties
        ids = {name: properties.get(name) for name in ('message_id', 'correlation_id')}
    except WireError:  # The program gets the same error if it reads them.
        return {}
    return {name: name_of(value) for name, value in ids.items() if value}


@contextmanager
def processing(
    tracer: CallTracer,
    mailbox: Mailbox,
    received: ReceivedMessage | Batch,
    peer: tuple[str, int] | None,
) -> Iterator[None]:
    """Start a span for a `with` block in which a callback processes a message, or a batch."""
    messages = received if isinstance(received, Batch) else [received]
    details = _details_of_batch(received) if isinstance(received, Batch) else _details(received)
    call = Call('process', 'consumer', name_of(mailbox.queue), peer, details)
    stack = ExitStack()
    try:
        headers = [_headers_of_message(message) for message in messages]
        stack.enter_context(tracer.process(call, headers, mailbox.span))
    except Exception:
        logger.exception('the tracer raised', extra=extra(LogEvent.TRACER_FAILED))
    try:
        yield
    except BaseException:
        _leave(stack, *sys.exc_info())
        raise
    _leave(stack, None, None, None)


def _details(message: ReceivedMessage) -> dict[str, str]:
    details = {
        'exchange': name_of(message.exchange_name),
        'routing_key': name_of(message.routing_key),
        **details_of(message),
    }
    if message.delivery_tag is not None:
        details['delivery_tag'] = str(message.delivery_tag)
    return details


def _details_of_batch(batch: Batch) -> dict[str, str]:
    return {'message_count': str(len(batch))}


def _leave(stack: ExitStack, *details: Any) -> None:
    """End a block of the tracer, with the exception of the callback if it has raised one."""
    try:
        stack.__exit__(*details)
    except BaseException as error:
        if error is not details[1]:
            logger.exception('the tracer raised', extra=extra(LogEvent.TRACER_FAILED))


def _headers_of_message(message: ReceivedMessage) -> dict[str, Any]:
    try:
        return message.headers
    except WireError:  # The callback gets the same error if it reads them.
        return {}
