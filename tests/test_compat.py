"""Arguments in the orders of CoolAMQP 1.x and 2.x, told apart by their types."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from coolamqp.compat import (
    bind_takes_both_orders,
    check_span,
    consume_takes_both_orders,
    consumer_takes_both_orders,
    declare_takes_both_orders,
    publish_order,
)


class Span:
    """Looks like a span of a tracer."""

    context = object()


SPAN = Span()


class Calls:
    """Methods that give back what they are called with."""

    @declare_takes_both_orders
    def declare(
        self, obj: Any, persistent: Any = False, span: Any = None, dont_trace: Any = False
    ) -> tuple[Any, ...]:
        """Give back the arguments."""
        return obj, persistent, span, dont_trace

    @bind_takes_both_orders
    def bind(
        self, a: Any, b: Any, c: Any, persistent: Any = False, span: Any = None, *rest: Any
    ) -> tuple[Any, ...]:
        """Give back the arguments."""
        return a, b, c, persistent, span, *rest

    @consumer_takes_both_orders
    def consumer(self, *arguments: Any, **options: Any) -> tuple[Any, ...]:
        """Give back the arguments."""
        return (*arguments, *options.items())

    @consume_takes_both_orders
    def consume(self, *arguments: Any, **options: Any) -> tuple[Any, ...]:
        """Give back the arguments."""
        return (*arguments, *options.items())


@pytest.mark.parametrize(
    ('given', 'taken'),
    [
        (('q',), ('q', False, None, False)),
        (('q', True), ('q', True, None, False)),
        (('q', True, SPAN), ('q', True, SPAN, False)),
        (('q', SPAN), ('q', False, SPAN, False)),
        (('q', SPAN, True), ('q', False, SPAN, True)),
        (('q', None), ('q', False, None, False)),
        (('q', None, True), ('q', False, None, True)),
    ],
)
def test_declare(given: tuple[Any, ...], taken: tuple[Any, ...]) -> None:
    assert Calls().declare(*given) == taken


def test_bind() -> None:
    calls = Calls()
    assert calls.bind(1, 2, 3, True, SPAN) == (1, 2, 3, True, SPAN)
    assert calls.bind(1, 2, 3, SPAN, True) == (1, 2, 3, False, SPAN, True)
    assert calls.bind(1, 2, 3, span=SPAN) == (1, 2, 3, False, SPAN)


def test_consumer_and_consume() -> None:
    calls = Calls()
    assert calls.consumer('q', print, False, 5) == ('q', print, None, False, 5)
    assert calls.consumer('q', print, SPAN, False, 5) == ('q', print, SPAN, False, 5)
    assert calls.consumer('q', print, None, False) == ('q', print, None, False)
    assert calls.consume('q', print, False, 5) == ('q', print, None, False, False, 5)
    assert calls.consume('q', print, None, True, False) == ('q', print, None, True, False)
    assert calls.consume('q', no_ack=False) == ('q', ('no_ack', False))


@pytest.mark.parametrize(
    ('given', 'taken'),
    [
        ((None, True, None, False), (True, None, False)),  # by keyword, or in the order of 1.x
        ((None, None, SPAN, True), (False, SPAN, True)),
        ((None, False, SPAN, False), (False, SPAN, False)),
        ((True, SPAN, None, False), (True, SPAN, False)),  # 2.x: confirm, span
        ((None, SPAN, True, False), (False, SPAN, True)),  # 2.x: confirm, span, dont_trace
        ((True, None, True, False), (True, None, True)),
    ],
)
def test_publish(given: tuple[Any, ...], taken: tuple[Any, ...]) -> None:
    assert publish_order(*given) == taken


def test_publish_with_the_old_name_warns() -> None:
    with pytest.warns(DeprecationWarning, match='say confirm=True'):
        assert publish_order(True, None, None, False) == (True, None, False)


def test_publish_with_what_is_neither_is_refused() -> None:
    with pytest.raises(TypeError, match="confirm must be True or False, not 'yes'"):
        publish_order(None, 'yes', None, False)


def test_a_span_is_told_from_an_argument_in_a_wrong_place() -> None:
    for span in (None, SPAN, object()):
        check_span(span)
    for wrong in (True, 5, 'span', b'span', (1,), {'a': 1}):
        with pytest.raises(TypeError, match='span must be a span of a tracer or None'):
            check_span(wrong)


@pytest.mark.parametrize(
    ('module', 'names'),
    [
        ('attaches', 'AttacheGroup BodyReceiveMode Consumer Declarer Publisher'),
        ('attaches.channeler', 'Channeler ST_OFFLINE ST_ONLINE ST_SYNCING'),
        ('argumentify', 'argumentify tobytes toutf8'),
        ('clustering', 'Cluster ConnectionLost MessageReceived NothingMuch'),
        ('clustering.events', 'ConnectionLost Event MessageReceived NothingMuch ReceivedMessage'),
        ('exceptions', 'AMQPError ConnectionDead CoolAMQPError HARD_ERRORS RESOURCE_LOCKED'),
        ('framing.definitions', 'BasicContentPropertyList BasicPublish IDENT_TO_METHOD'),
        ('framing.definitions', 'CLASS_ID_TO_CONTENT_PROPERTY_LIST HARD_ERRORS SOFT_ERRORS'),
        ('framing.field_table', 'deframe_table enframe_table'),
        ('framing.frames', 'AMQPBodyFrame AMQPFrame AMQPHeaderFrame AMQPHeartbeatFrame'),
        ('objects', 'BasicContentPropertyList Callable Exchange Message MessageProperties'),
        ('objects', 'NodeDefinition Queue QueueBind ReceivedMessage ServerProperties'),
        ('objects', 'argumentify tobytes toutf8'),
        ('tracing', 'BaseFrameTracer HoldingFrameTracer LoggingFrameTracer'),
    ],
)
def test_names_that_programs_for_2x_import(module: str, names: str) -> None:
    found = import_module(f'coolamqp.{module}')
    assert [name for name in names.split() if not hasattr(found, name)] == []
