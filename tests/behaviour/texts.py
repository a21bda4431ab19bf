"""The errors of RabbitMQ: reply codes with the exact texts that many tests expect."""

from __future__ import annotations

Refusal = tuple[int, str]


def precondition_failed(text: str) -> Refusal:
    """Return the error 406."""
    return 406, f'PRECONDITION_FAILED - {text}'


def not_found(text: str) -> Refusal:
    """Return the error 404."""
    return 404, f'NOT_FOUND - {text}'


def access_refused(text: str) -> Refusal:
    """Return the error 403."""
    return 403, f'ACCESS_REFUSED - {text}'


def not_allowed(text: str) -> Refusal:
    """Return the error 530."""
    return 530, f'NOT_ALLOWED - {text}'


def not_implemented(text: str) -> Refusal:
    """Return the error 540."""
    return 540, f'NOT_IMPLEMENTED - {text}'


def command_invalid(text: str) -> Refusal:
    """Return the error 503."""
    return 503, f'COMMAND_INVALID - {text}'


def channel_error(text: str) -> Refusal:
    """Return the error 504."""
    return 504, f'CHANNEL_ERROR - {text}'


def unexpected_frame(text: str) -> Refusal:
    """Return the error 505."""
    return 505, f'UNEXPECTED_FRAME - {text}'


def missing_queue(queue: str, vhost: str) -> Refusal:
    """Return the error for a queue that does not exist."""
    return not_found(f"no queue '{queue}' in vhost '{vhost}'")


def missing_exchange(exchange: str, vhost: str) -> Refusal:
    """Return the error for an exchange that does not exist."""
    return not_found(f"no exchange '{exchange}' in vhost '{vhost}'")


def locked(queue: str, vhost: str) -> Refusal:
    """Return the error for a queue that another connection owns."""
    return 405, (
        f"RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{queue}' in vhost "
        f"'{vhost}'. It could be originally declared on another connection or the exclusive "
        'property value does not match that of the original declaration.'
    )


def inequivalent(argument: str, thing: str, vhost: str, received: str, current: str) -> Refusal:
    """Return the error for a declaration that differs from what exists.

    :param thing: such as "queue 'q'"
    """
    return precondition_failed(
        f"inequivalent arg '{argument}' for {thing} in vhost '{vhost}': "
        f'received {received} but current is {current}'
    )


def invalid_argument(argument: str, reason: str, vhost: str) -> Refusal:
    """Return the error for an argument of the queue `q` that has no right value."""
    return precondition_failed(
        f"invalid arg '{argument}' for queue 'q' in vhost '{vhost}': {reason}"
    )
