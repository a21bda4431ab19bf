"""A consumer as programs make it: its options, and what it is before it belongs to a Cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coolamqp.attaches import Consumer
from coolamqp.framing.frames import AMQPFrame
from coolamqp.framing.method import Method
from coolamqp.objects import Exchange, Queue
from tests.support.ending import Ending
from tests.support.rig import Rig


def test_prefetch_of_a_consumer_that_belongs_to_nobody() -> None:
    consumer = Consumer(Queue('q'), None, no_ack=False)
    consumer.set_qos(None, 4)
    assert consumer.qos == 4
    with pytest.raises(ValueError, match='65535'):
        consumer.set_qos(70000)


@pytest.mark.parametrize(
    ('arguments', 'error'),
    [
        ((5, None), 'queue must be a Queue or a name'),
        ((Queue('q'), 'no function'), 'on_message must be'),
    ],
)
def test_arguments_that_are_none(arguments: Any, error: str) -> None:
    with pytest.raises(TypeError, match=error):
        Consumer(*arguments)
    with pytest.raises(TypeError, match="'noack'"):
        Consumer(Queue('q'), print, noack=True)  # type: ignore[call-arg]


class SeesFrames(Consumer):
    def on_delivery(self, frame: AMQPFrame) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ('make', 'error'),
    [
        (lambda: Consumer(Queue('q'), None, inline=True), 'inline needs an on_message'),
        (lambda: SeesFrames(Queue('q'), print, workers=2), 'leave out workers'),
    ],
)
def test_options_that_do_not_go_together(make: Callable[[], Consumer], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        make()


def test_a_consumer_says_how_it_was_made() -> None:
    queue = Queue('q')
    consumer = Consumer(
        queue, print, no_ack=False, workers=2, on_error='requeue', consumer_tag='mine'
    )
    assert (consumer.queue, consumer.on_message) == (queue, print)
    assert (consumer.workers, consumer.inline, consumer.on_error) == (2, False, 'requeue')
    assert (consumer.consumer_tag, consumer.state, consumer.cancelled) == (b'mine', 0, False)
    consumer.on_message, consumer.dont_trace = repr, True
    assert (consumer.on_message, consumer.dont_trace, consumer.span) == (repr, True, None)


def test_a_program_may_change_a_consumer() -> None:
    consumer, future = Consumer(Queue('q'), print, no_ack=False), Ending()
    consumer.span, consumer.on_error, consumer.future_to_notify = None, 'reject', future
    consumer.qos = 7
    consumer.dont_trace = 1  # type: ignore[assignment]  # Its truth counts.
    assert consumer.dont_trace is True
    assert (consumer.on_error, consumer.future_to_notify, consumer.qos) == ('reject', future, 7)
    with pytest.raises(ValueError, match="'requeue', 'reject', 'retry' or"):
        consumer.on_error = 'drop'  # type: ignore[assignment]


class SeesSetup(Consumer):
    def __init__(self, queue: Queue) -> None:
        super().__init__(queue, None)
        self.seen: list[str] = []

    def on_setup(self, method: Method) -> None:
        self.seen.append(method.NAME)


def test_a_subclass_sees_the_answers_to_its_set_up() -> None:
    rig = Rig()
    broker = rig.up()
    consumer = SeesSetup(Queue('q', exchange=Exchange('ex')))
    rig.add(consumer)
    broker.serve()
    assert consumer.seen == [
        'exchange.declare-ok', 'queue.declare-ok', 'queue.bind-ok', 'basic.consume-ok',
    ]  # fmt: skip


@pytest.mark.parametrize('mine', [True, False], ids=['the same Cluster', 'another Cluster'])
def test_a_consumer_belongs_to_one_cluster_for_good(mine: bool) -> None:
    rig, other = Rig(), Rig()
    consumer = rig.consume()
    with pytest.raises(ValueError, match='this Cluster' if mine else 'another Cluster'):
        (rig if mine else other).add(consumer)


def test_cancelling_a_consumer_that_belongs_to_nobody() -> None:
    consumer = Consumer(Queue('q'), None)
    assert consumer.cancel().done()
    assert consumer.cancelled
