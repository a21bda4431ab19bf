"""The persistent topology: what is declared again after a reconnect."""

from __future__ import annotations

from coolamqp.attaches.operation import declare
from coolamqp.framing.definitions import QueueDeclare
from coolamqp.framing.method import Method
from coolamqp.objects import Exchange, ExchangeBind, Queue, QueueBind
from coolamqp.objects.topology import Subject
from coolamqp.supervisor.topology import Topology


def topology_of(*subjects: Subject) -> Topology:
    topology = Topology()
    for subject in subjects:
        topology.remember(subject)
    return topology


def declared(topology: Topology) -> list[Method]:
    """Return the methods that declare it."""
    return [method for subject in topology.subjects() for method in declare(subject)]


def names(topology: Topology) -> list[str]:
    return [method.NAME for method in declared(topology)]


def test_it_is_declared_in_the_order_in_which_it_was_remembered() -> None:
    topology = topology_of(Exchange('ex'), Queue('q'), QueueBind('q', 'ex', 'k'))
    assert names(topology) == ['exchange.declare', 'queue.declare', 'queue.bind']


def test_a_new_description_replaces_the_old_one() -> None:
    topology = topology_of(Queue('q'), Exchange('ex'), Queue('q', durable=True))
    assert names(topology) == ['queue.declare', 'exchange.declare']
    (first, _) = declared(topology)
    assert isinstance(first, QueueDeclare)
    assert first.durable


def test_a_forgotten_queue_takes_its_bindings_with_it() -> None:
    topology = topology_of(Queue('a'), Queue('b'), QueueBind('a', 'ex', 'k'))
    topology.forget_queue(b'a')
    assert names(topology) == ['queue.declare']


def test_a_forgotten_exchange_takes_its_bindings_with_it() -> None:
    topology = topology_of(
        Exchange('ex'),
        Exchange('other'),
        QueueBind('q', 'ex', 'k'),
        ExchangeBind('ex', 'other', 'k'),
        ExchangeBind('other', 'ex', 'k'),
    )
    topology.forget_exchange(b'ex')
    assert names(topology) == ['exchange.declare']


def test_the_parts_of_a_queue_are_forgotten_one_by_one() -> None:
    topology = topology_of(Queue('q', exchange=Exchange('ex'), routing_key='k'))
    assert names(topology) == ['exchange.declare', 'queue.declare', 'queue.bind']
    topology.forget(QueueBind('q', 'ex', 'k'))
    assert names(topology) == ['exchange.declare', 'queue.declare']
    topology.forget_exchange(b'ex')
    assert names(topology) == ['queue.declare']


def test_a_queue_that_is_not_persistent_has_its_bindings_from_its_consumer() -> None:
    mine, kept = QueueBind('mine', 'ex', 'k'), QueueBind('kept', 'ex', 'k')
    topology = topology_of(Queue('kept'), kept, mine)
    assert topology.subjects({b'mine', b'kept'}) == [Queue('kept'), kept]
    assert topology.bindings(b'mine') == [mine]
    assert topology.queue(b'mine') is None
    assert topology.queue(b'kept') == Queue('kept')
