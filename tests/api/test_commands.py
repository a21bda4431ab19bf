"""The block in which a call begins, and its span."""

from __future__ import annotations

import pytest

from coolamqp.objects import Queue
from coolamqp.tracing import Call
from tests.api.support import BrokenTracer, RigCommands, Tracer


def test_without_a_tracer_there_is_no_span() -> None:
    with RigCommands().traced('declare', Queue('q')) as span:
        assert span is None


def test_a_call_that_is_not_to_be_traced_has_no_span() -> None:
    tracer = Tracer()
    with RigCommands(tracer).traced('declare', Queue('q'), dont_trace=True) as span:
        assert span is None
    assert tracer.spans == []


def test_the_tracer_learns_what_the_call_is_about() -> None:
    tracer, parent = Tracer(), object()
    commands = RigCommands(tracer)
    with commands.traced('publish', 'ex', parent, kind='producer', routing_key='key') as span:
        assert span is tracer.spans[0]
    assert tracer.spans[0].parent is parent
    assert tracer.spans[0].call == Call(
        'publish', 'producer', 'ex', ('broker', 5672), {'routing_key': 'key'}
    )


def test_a_span_outlives_the_block_in_which_its_call_begins() -> None:
    tracer = Tracer()
    with RigCommands(tracer).traced('declare', Queue('q')):
        pass
    assert tracer.spans[0].ends == []


def test_a_call_that_is_refused_ends_its_span() -> None:
    tracer = Tracer()
    with (
        pytest.raises(ValueError, match='no queue') as refused,
        RigCommands(tracer).traced('declare', ''),
    ):
        raise ValueError('no queue')
    assert tracer.spans[0].ends == [refused.value]


def test_a_tracer_that_raises_costs_only_the_span(caplog: pytest.LogCaptureFixture) -> None:
    with RigCommands(BrokenTracer()).traced('declare', Queue('q')) as span:
        assert span is None
    assert 'the tracer raised' in caplog.text
