"""The names of everything that CoolAMQP logs.

A name says what has happened, and stays the same when the text of its log record becomes another
one. docs/how-to/logging.md says what each of them means to an operator.
"""

from __future__ import annotations

from enum import StrEnum


class LogEvent(StrEnum):
    """What a log record is about; the attribute `coolamqp_event` of the record."""

    # The connection
    CONNECTED = 'connected'
    RESTORED = 'restored'
    CONNECT_FAILED = 'connect_failed'
    STILL_DISCONNECTED = 'still_disconnected'
    CONNECTION_LOST = 'connection_lost'
    CONNECTION_BLOCKED = 'connection_blocked'
    CONNECTION_UNBLOCKED = 'connection_unblocked'
    PASSWORD_EXPOSED = 'password_exposed'  # noqa: S105 - no password
    LAST_FRAMES_UNSENT = 'last_frames_unsent'
    READING_PAUSED = 'reading_paused'
    READING_RESUMED = 'reading_resumed'
    UNEXPECTED_IGNORED = 'unexpected_ignored'
    UNEXPECTED_CLOSES_CHANNEL = 'unexpected_closes_channel'
    # Topology
    DECLARATION_FAILED = 'declaration_failed'
    OBJECT_LOCKED = 'object_locked'
    RESTORE_TIMED_OUT = 'restore_timed_out'
    # Publishing
    MESSAGE_RETURNED = 'message_returned'
    MESSAGE_DROPPED = 'message_dropped'
    PUBLISH_REFUSED = 'publish_refused'
    PUBLISHING_POSTPONED = 'publishing_postponed'
    REPLY_DROPPED = 'reply_dropped'
    RETRY_FAILED = 'retry_failed'
    # Consuming
    CONSUMER_CANCELLED_BY_BROKER = 'consumer_cancelled_by_broker'
    CONSUMER_REFUSED = 'consumer_refused'
    CONSUMER_ENDED = 'consumer_ended'
    CANCEL_TIMED_OUT = 'cancel_timed_out'
    CANCELLED_CALLBACK_RUNS = 'cancelled_callback_runs'
    PREFETCH_POSTPONED = 'prefetch_postponed'
    MESSAGE_REQUEUED = 'message_requeued'
    EVENTS_DROPPED = 'events_dropped'
    # The program's code, and the threads that run it
    CALLBACK_FAILED = 'callback_failed'
    HOOK_FAILED = 'hook_failed'
    POSTPONED_CALL_FAILED = 'postponed_call_failed'
    CALLBACK_ABANDONED = 'callback_abandoned'
    THREAD_NOT_STARTED = 'thread_not_started'
    THREAD_NOT_NAMED = 'thread_not_named'
    TRACER_FAILED = 'tracer_failed'
    TRACE_NOT_FOUND = 'trace_not_found'
    FRAME_TRACER_FAILED = 'frame_tracer_failed'
    FRAME = 'frame'
    DRIVER_FAILED = 'driver_failed'
    # The embedded broker
    BROKER_CONNECTION_OPENED = 'broker_connection_opened'
    BROKER_CONNECTION_REFUSED = 'broker_connection_refused'
    BROKER_CONNECTION_ENDED = 'broker_connection_ended'
    BROKER_ALARM = 'broker_alarm'
    BROKER_ALARM_CLEARED = 'broker_alarm_cleared'
    BROKER_DEAD_LETTER_DROPPED = 'broker_dead_letter_dropped'
    BROKER_FAILED = 'broker_failed'


def extra(event: LogEvent, **fields: object) -> dict[str, str]:
    """Return the `extra` of a log record: event and fields, whose names begin with `coolamqp_`.

    :param fields: what the event is about, such as `node` or `queue`
    """
    found = {f'coolamqp_{name}': one_line(value) for name, value in fields.items()}
    return {'coolamqp_event': event.value, **found}


def one_line(value: object) -> str:
    """Return the text of a value, without the line breaks that names and errors may contain."""
    return ' '.join(str(value).splitlines())
