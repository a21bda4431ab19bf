"""Messages in the broker."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from coolamqp.broker.message import BrokerMessage
from coolamqp.framing.properties import NO_PROPERTIES, BasicContentPropertyList
from tests.framing.strategies import properties


def message(**given: Any) -> BrokerMessage:
    return BrokerMessage(b'', b'q', BasicContentPropertyList(**given).encoded, b'body')


def test_a_message_without_properties() -> None:
    bare = message()

    assert bare.properties == NO_PROPERTIES
    assert not bare.persistent
    assert (bare.priority, bare.expiration, list(bare.headers)) == (0, None, [])
    assert bare.size == 4


@pytest.mark.parametrize(('mode', 'persistent'), [(1, False), (2, True)])
def test_a_message_is_persistent_in_delivery_mode_2(mode: int, persistent: bool) -> None:
    assert message(delivery_mode=mode).persistent is persistent


def test_the_properties_that_mean_something_to_the_broker() -> None:
    known = message(priority=7, expiration='60000', headers={'a': 1})

    assert (known.priority, known.expiration) == (7, 60000)
    assert known.headers == [(b'a', (1, 'I'))]


def test_a_changed_copy_keeps_the_rest() -> None:
    original = message(app_id='app', expiration='5')
    changed = original.changed(expiration=None, headers=[(b'a', (1, 'I'))])

    assert (changed.expiration, changed.decoded.app_id, changed.body) == (None, b'app', b'body')
    assert original.expiration == 5


def test_a_copy_leaves_out_a_delivery_mode_that_is_none() -> None:
    odd = BrokerMessage(b'', b'q', b'\x18\x00\x09\x05', b'')  # delivery_mode 9, priority 5
    assert not odd.persistent

    changed = odd.changed(headers=[])

    assert (changed.decoded.delivery_mode, changed.priority) == (None, 5)


@given(properties)
def test_whatever_was_published_can_be_copied(given: dict[str, Any]) -> None:
    original = message(**given)

    copy = original.changed(reply_to='somewhere')

    assert copy.changed(reply_to=original.decoded.reply_to).properties == original.properties
