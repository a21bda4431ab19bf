"""The errors of this transport: those of py-amqp, which programs for Kombu and Celery handle."""

from __future__ import annotations

from amqp import exceptions

from coolamqp.exceptions import AMQPError, CoolAMQPError, WireError


def connection_error(cause: Exception | None) -> Exception:
    """Return the error to raise for the end of a connection.

    :param cause: as `ConnectionObserver.on_closed` has it
    """
    if isinstance(cause, AMQPError):
        return _refusal(cause, exceptions.ConnectionError)
    if isinstance(cause, WireError):
        default = exceptions.ConnectionError
        error: Exception = exceptions.error_for_code(cause.reply_code, str(cause), None, default)
        return _caused(error, cause)
    # An OSError with ETIMEDOUT would be a TimeoutError, which means that nothing has happened.
    text = 'the connection is closed' if cause is None else str(cause)
    return _caused(exceptions.RecoverableConnectionError(text), cause)


def channel_error(cause: AMQPError) -> Exception:
    """Return the error to raise for a channel that the broker has closed."""
    return _refusal(cause, exceptions.ChannelError)


def no_channel_left(cause: CoolAMQPError) -> Exception:
    """Return the error for a connection that has no free channel number."""
    return _caused(exceptions.ResourceError(str(cause)), cause)


def _refusal(cause: AMQPError, default: type[Exception]) -> Exception:
    text = cause.reply_text
    shown = text if isinstance(text, str) else bytes(text).decode('utf-8', 'backslashreplace')
    method = (cause.class_id, cause.method_id)
    return _caused(exceptions.error_for_code(cause.reply_code, shown, method, default), cause)


def _caused(error: Exception, cause: Exception | None) -> Exception:
    error.__cause__ = cause
    return error
