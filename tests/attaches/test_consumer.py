"""A consumer as programs make it: its options, and what it is before it belongs to a Cluster."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.attaches import Consumer
from coolamqp.objects import Queue


def test_prefetch_of_a_consumer_that_belongs_to_nobody() -> None:
    consumer = Consumer(Queue('q'), None)
    consumer.set_qos(None, 4)
    assert consumer.qos == 4
    with pytest.raises(ValueError, match='65535'):
        consumer.set_qos(70000)


@pytest.mark.parametrize(
    ('arguments', 'error'),
    [
        (('jobs', None), 'queue must be a Queue'),
        ((Queue('q'), 'no function'), 'on_message must be'),
    ],
)
def test_arguments_that_are_none(arguments: Any, error: str) -> None:
    with pytest.raises(TypeError, match=error):
        Consumer(*arguments)


def test_cancelling_a_consumer_that_belongs_to_nobody() -> None:
    consumer = Consumer(Queue('q'), None)
    assert consumer.cancel().done()
    assert consumer.cancelled
