"""What becomes of messages that were shown."""

from __future__ import annotations

import pytest

from coolamqp.broker import Broker
from coolamqp.cli import settling
from coolamqp.cli.errors import Failure
from coolamqp.cli.settling import ACK, REJECT, REQUEUE, Held
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue, ReceivedMessage


def test_messages_are_settled_now_or_put_back_at_the_end(broker: Broker) -> None:
    held = Held()
    with Cluster(broker.url) as cluster:
        cluster.declare(Queue('q', durable=True)).result(10)
        cluster.publish_many([Message(b'%d' % number) for number in range(4)], routing_key='q')
        cluster.wait_for_confirms(10)
        for settlement in (REQUEUE, ACK, REQUEUE, REJECT):
            held.settle(cluster.get('q').result(10), settlement)
        broker.wait_until(lambda: broker.queue('q').unacked == 2)
        assert broker.queue('q').bodies == []
        assert len(held) == 2
        held.put_back()
        broker.wait_until(lambda: broker.queue('q').bodies == [b'0', b'2'])


def test_not_everything_can_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, 'HELD_MAX', 1)
    held = Held()
    held.hold(ReceivedMessage(b'', '', 'q'))

    with pytest.raises(Failure, match='more than 1 messages are to stay'):
        held.hold(ReceivedMessage(b'', '', 'q'))
