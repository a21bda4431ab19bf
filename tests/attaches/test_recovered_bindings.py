"""The persistent bindings of a queue that its consumer makes again."""

from __future__ import annotations

from coolamqp.attaches.channeler import ST_ONLINE
from coolamqp.attaches.events import ConsumerCancelledByBroker, TopologyFailed
from coolamqp.attaches.subscription import STEADY_SECONDS
from coolamqp.framing.definitions import BasicCancel, BasicConsume, QueueBind, QueueDeclare
from coolamqp.objects import QueueBind as QueueBinding
from tests.attaches.watched import consuming
from tests.support.scripted_broker import refuse_nothing


def test_a_deleted_queue_gets_its_persistent_bindings_before_consuming() -> None:
    rig, broker, consumer, channel = consuming()
    refused, kept = QueueBinding('jobs', 'gone', ''), QueueBinding('jobs', 'ex', 'key')
    for binding in (refused, kept, QueueBinding('other', 'ex', '')):
        rig.engine.topology.remember(binding)
    broker.refuses = lambda m: 404 if isinstance(m, QueueBind) and m.exchange == b'gone' else 0
    broker.send(channel, BasicCancel(b'jobs', True))
    said = broker.serve()
    assert [type(each) for each in said[-3:]] == [QueueDeclare, QueueBind, BasicConsume]
    assert broker.said(QueueBind)[-1].exchange == b'ex'
    assert consumer.state == ST_ONLINE
    (event,) = rig.reported(ConsumerCancelledByBroker)
    assert (event.consumer, event.reason) == (consumer, None)
    (failed,) = rig.reported(TopologyFailed)
    assert failed.object == refused


def test_a_binding_that_was_refused_is_tried_again_when_the_queue_is_deleted_again() -> None:
    rig, broker, consumer, channel = consuming()
    rig.engine.topology.remember(QueueBinding('jobs', 'ex', ''))
    broker.refuses = lambda method: 404 if isinstance(method, QueueBind) else 0
    broker.send(channel, BasicCancel(b'jobs', True))
    broker.serve()
    assert len(rig.reported(TopologyFailed)) == 1

    broker.refuses = refuse_nothing
    rig.advance(STEADY_SECONDS + 1)
    broker.send(broker.channel_of(BasicConsume), BasicCancel(b'jobs', True))
    assert [type(each) for each in broker.serve()[-3:]] == [QueueDeclare, QueueBind, BasicConsume]
    assert consumer.state == ST_ONLINE
