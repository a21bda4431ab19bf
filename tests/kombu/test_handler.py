"""The handler of a channel records what comes: confirms, errors, events."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest
from amqp import exceptions

from coolamqp.exceptions import AMQPError
from coolamqp.framing.definitions import BasicAck, BasicCancel
from coolamqp.kombu.handler import Handler


class Channel:
    """Stands for the channel of Kombu."""

    channel_id = 1

    def __init__(self) -> None:
        self.events: dict[str, Any] = {}
        self.dropped = False

    def drop_requeued(self) -> None:
        self.dropped = True

    def raise_error(self) -> None:
        raise NotImplementedError

    def cancelled(self, tag: str) -> None:
        raise NotImplementedError


@pytest.fixture
def channel() -> Any:
    return Channel()


@pytest.fixture
def connection(channel: Any) -> Any:
    return SimpleNamespace(events=deque(), notices=deque(), channels={1: channel})


@pytest.fixture
def handler(channel: Any, connection: Any) -> Handler:
    return Handler(channel, connection)


def test_messages_are_counted_once_the_broker_confirms_them(handler: Handler) -> None:
    handler.published()
    assert handler.unconfirmed == set()

    handler.confirming = True
    for _ in range(4):
        handler.published()
    handler.on_settlement(3, False, True)
    assert handler.unconfirmed == {1, 2, 4}
    handler.on_settlement(2, True, True)
    assert handler.unconfirmed == {4}
    assert not handler.refused
    handler.on_settlement(4, False, False)
    assert handler.unconfirmed == set()
    assert handler.refused


def test_callbacks_hear_of_confirms(handler: Handler, channel: Any, connection: Any) -> None:
    channel.events = {'basic_ack': {print}, 'basic_nack': {repr}}

    handler.on_settlement(1, True, True)
    handler.on_settlement(2, False, False)

    assert list(connection.notices) == [(print, 1, True), (repr, 2, False)]


def test_an_error_ends_the_channel(handler: Handler, channel: Any, connection: Any) -> None:
    handler.on_channel_closed(AMQPError(404, b'NOT_FOUND'))

    assert isinstance(handler.error, exceptions.NotFound)
    assert connection.channels == {}
    assert channel.dropped
    assert list(connection.events) == [(channel.raise_error,)]


def test_a_close_of_ours_is_no_error(handler: Handler, connection: Any) -> None:
    handler.on_channel_closed(None)

    assert handler.error is None
    assert not connection.events


def test_the_broker_cancels_a_consumer(handler: Handler, channel: Any, connection: Any) -> None:
    handler.on_method(BasicCancel(b'tag', False))
    handler.on_method(BasicAck(1, False))

    assert list(connection.events) == [(channel.cancelled, 'tag')]
