"""The errors are those of py-amqp, which programs handle."""

from __future__ import annotations

import errno

import pytest
from amqp import exceptions

from coolamqp.exceptions import AMQPError, ConnectionDead, CoolAMQPError, WireError
from coolamqp.kombu.errors import channel_error, connection_error, no_channel_left


def test_a_refusal_has_the_class_of_its_reply_code() -> None:
    cause = AMQPError(404, b'NOT_FOUND - no queue', 50, 10)

    error = channel_error(cause)

    assert type(error) is exceptions.NotFound
    assert str(error) == 'Queue.declare: (404) NOT_FOUND - no queue'
    assert error.__cause__ is cause
    assert (
        type(connection_error(AMQPError(320, 'CONNECTION_FORCED'))) is exceptions.ConnectionForced
    )


def test_an_unknown_reply_code() -> None:
    assert type(channel_error(AMQPError(999, b'?'))) is exceptions.ChannelError
    assert type(connection_error(AMQPError(999, b'?'))) is exceptions.ConnectionError


@pytest.mark.parametrize(
    'cause', [ConnectionDead('gone'), OSError(errno.ETIMEDOUT, 'gone'), TimeoutError('gone')]
)
def test_a_lost_connection_is_no_timeout(cause: Exception) -> None:
    """Programs take a TimeoutError of `drain_events` to mean that nothing has happened."""
    error = connection_error(cause)

    assert type(error) is exceptions.RecoverableConnectionError
    assert 'gone' in str(error)


def test_bytes_that_are_no_frames() -> None:
    assert type(connection_error(WireError('bad', 'here', 501))) is exceptions.FrameError


def test_a_connection_that_this_side_has_closed() -> None:
    assert type(connection_error(None)) is exceptions.RecoverableConnectionError


def test_no_channel_is_left() -> None:
    assert type(no_channel_left(CoolAMQPError('all in use'))) is exceptions.ResourceError
