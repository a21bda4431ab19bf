"""Publishing without confirms."""

from __future__ import annotations

from coolamqp.attaches.publication import Publication
from coolamqp.framing.definitions import BasicPublish
from coolamqp.framing.method import Method
from coolamqp.objects import Message
from tests.support.rig import Rig


def refuse_exchange(method: Method) -> int:
    """Refuse what is published to the exchange "gone"."""
    return 404 if isinstance(method, BasicPublish) and method.exchange == b'gone' else 0


def test_a_refused_plain_message_is_dropped_and_publishing_goes_on() -> None:
    rig = Rig()
    broker = rig.up()
    broker.refuses = refuse_exchange
    rig.engine.window.publish_plain(Publication(Message(b'a'), b'gone', b''))
    broker.serve()
    assert 'refused a message published without confirm' in rig.logged()
    rig.engine.window.publish_plain(Publication(Message(b'b'), b'', b''))
    rig.advance(1)
    broker.serve()
    rig.engine.window.publish_plain(Publication(Message(b'c'), b'', b''))
    broker.serve()
    assert [each.body for each in broker.published] == [b'c']
