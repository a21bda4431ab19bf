"""The messages that clients published last."""

from __future__ import annotations

from coolamqp.broker.message import BrokerMessage
from coolamqp.broker.published import BYTES_MAX, MESSAGES_MAX, Published
from coolamqp.framing.properties import NO_PROPERTIES


def message(body: bytes) -> BrokerMessage:
    return BrokerMessage(b'', b'', NO_PROPERTIES, body)


def test_the_oldest_messages_are_forgotten() -> None:
    published = Published()
    for number in range(MESSAGES_MAX + 5):
        published.add(message(b'%d' % number))

    bodies = [each.body for each in published]
    assert len(published) == len(bodies) == MESSAGES_MAX
    assert (bodies[0], bodies[-1]) == (b'5', b'%d' % (MESSAGES_MAX + 4))
    assert next(reversed(published)).body == bodies[-1]


def test_large_messages_are_forgotten_sooner() -> None:
    published = Published()
    body = bytes(BYTES_MAX // 3)
    for _ in range(5):
        published.add(message(body))
    assert len(published) == 2

    published.add(message(bytes(BYTES_MAX + 1)))
    assert len(published) == 1
    published.add(message(b'x'))
    assert [each.body for each in published] == [b'x']
