"""Publishing without confirms."""

from __future__ import annotations

from coolamqp.attaches.plain_publisher import REFUSED_SECONDS
from coolamqp.attaches.publication import Publication
from coolamqp.framing.definitions import BasicPublish, ConnectionTune
from coolamqp.framing.method import Method
from coolamqp.objects import Message
from coolamqp.supervisor.registry import CHANNELS_MIN
from tests.support.rig import Rig
from tests.support.scripted_broker import refuse_nothing


def refuse_exchange(method: Method) -> int:
    """Refuse what is published to the exchange "gone"."""
    return 404 if isinstance(method, BasicPublish) and method.exchange == b'gone' else 0


def publish(rig: Rig, body: bytes, exchange: bytes = b'') -> None:
    """Publish without a confirm."""
    rig.engine.window.publish_plain(Publication(Message(body), exchange, b''))


def test_a_refused_message_is_dropped_and_publishing_goes_on() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = refuse_exchange
    publish(rig, b'a', b'gone')
    broker.serve()
    assert 'refused a message published without confirm' in rig.logged()
    publish(rig, b'b')
    rig.advance(1)
    broker.serve()
    assert [each.body for each in broker.published] == [b'b']


def test_an_exchange_that_was_refused_costs_other_messages_nothing() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = refuse_exchange
    broker.refusal_text = b"NOT_FOUND - no exchange 'gone' in vhost '/'"
    for number in range(20):
        publish(rig, b'bad', b'gone')
        broker.serve()
        publish(rig, b'%d' % number)
        broker.serve()
        rig.advance(0.05)
    assert [each.body for each in broker.published] == [b'%d' % number for number in range(20)]
    assert len({each.channel for each in broker.published}) == 1
    rig.advance(REFUSED_SECONDS)
    broker.refuses = refuse_nothing
    publish(rig, b'back', b'gone')
    broker.serve()
    assert broker.published[-1].channel == broker.published[0].channel


def test_without_a_free_channel_a_refused_exchange_costs_other_messages_nothing() -> None:
    rig = Rig()
    broker = rig.up(ConnectionTune(CHANNELS_MIN, 131072, 60))
    broker.refuses = refuse_exchange
    broker.refusal_text = b"NOT_FOUND - no exchange 'gone' in vhost '/'"
    publish(rig, b'bad', b'gone')
    broker.serve()
    publish(rig, b'good')
    broker.serve()
    assert [each.body for each in broker.published] == [b'good']


def test_without_a_connection_messages_are_dropped() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = refuse_exchange
    broker.refusal_text = b"NOT_FOUND - no exchange 'gone' in vhost '/'"
    publish(rig, b'bad', b'gone')
    broker.serve()
    rig.lose()
    publish(rig, b'a')
    publish(rig, b'b', b'gone')
    rig.advance(1)
    assert rig.up().published == []
