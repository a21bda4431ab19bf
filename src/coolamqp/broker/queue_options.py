"""The options of a queue: its arguments, checked and combined with a policy.

https://www.rabbitmq.com/docs/queues#optional-arguments and https://www.rabbitmq.com/docs/policies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coolamqp.broker.arguments import INTEGERS, TYPE_NAMES, NamedArguments
from coolamqp.broker.errors import Refusal, shown
from coolamqp.framing.field_table import TypedValue
from coolamqp.reply_codes import PRECONDITION_FAILED

CLASSIC: Final = 'classic'
QUORUM: Final = 'quorum'
STREAM: Final = 'stream'
KINDS: Final = (CLASSIC, QUORUM, STREAM)
KIND_ARGUMENT: Final = b'x-queue-type'
# Arguments of consumers.
STREAM_OFFSET: Final = b'x-stream-offset'
PRIORITY: Final = b'x-priority'

DROP_HEAD: Final = 'drop-head'
REJECT_PUBLISH: Final = 'reject-publish'
REJECT_PUBLISH_DLX: Final = 'reject-publish-dlx'
_OVERFLOWS: Final = (DROP_HEAD, REJECT_PUBLISH, REJECT_PUBLISH_DLX)

# RabbitMQ 4: https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling
QUORUM_DELIVERY_LIMIT: Final = 20
# The value of x-delivery-limit for no limit.
UNLIMITED: Final = -1
# The largest segment of a stream, in bytes.
_SEGMENT_BYTES_MAX: Final = 3_000_000_000
PRIORITY_MAX: Final = 255
# Ten years, in milliseconds: the longest time that RabbitMQ accepts.
_MILLISECONDS_MAX: Final = 10 * 365 * 24 * 60 * 60 * 1000
_QUEUE_VERSIONS: Final = (1, 2)
_AGE_SECONDS: Final = {'Y': 31536000, 'M': 2592000, 'D': 86400, 'h': 3600, 'm': 60, 's': 1}


@dataclass
class QueueOptions:
    """The options of a queue; times in milliseconds, `max_age` in seconds, None for no limit."""

    kind: str = CLASSIC
    message_ttl: int | None = None
    expires: int | None = None
    max_length: int | None = None
    max_length_bytes: int | None = None
    overflow: str = DROP_HEAD
    dead_letter_exchange: bytes | None = None
    dead_letter_routing_key: bytes | None = None
    max_priority: int | None = None
    single_active_consumer: bool = False
    delivery_limit: int | None = None
    max_age: float | None = None


class _Invalid(Exception):
    """An invalid argument. The text is the reason as an Erlang term, as RabbitMQ shows it."""


_Check = Callable[[Any, str, NamedArguments], None]


def _integer(value: Any, letter: str, _arguments: NamedArguments) -> None:
    if letter not in INTEGERS:
        raise _Invalid(f'"expected integer, got {TYPE_NAMES[letter]}"')
    if value < 0:
        raise _Invalid(f'{{value_negative,{value}}}')


def _time(value: Any, letter: str, arguments: NamedArguments) -> None:
    _integer(value, letter, arguments)
    if value > _MILLISECONDS_MAX:
        raise _Invalid(f'{{value_too_large,{value}}}')


def _limit(value: Any, letter: str, arguments: NamedArguments) -> None:
    if value != UNLIMITED:
        _integer(value, letter, arguments)


def _expires(value: Any, letter: str, arguments: NamedArguments) -> None:
    _integer(value, letter, arguments)
    if value == 0:
        raise _Invalid('{value_zero,0}')
    _time(value, letter, arguments)


def _priority(value: Any, letter: str, arguments: NamedArguments) -> None:
    _integer(value, letter, arguments)
    if value > PRIORITY_MAX:
        raise _Invalid(f'{{max_value_exceeded,{value}}}')


def _string(_value: Any, letter: str, _arguments: NamedArguments) -> None:
    if letter != 'S':
        raise _Invalid(f'{{unacceptable_type,{TYPE_NAMES[letter]}}}')


def _routing_key(value: Any, letter: str, arguments: NamedArguments) -> None:
    _string(value, letter, arguments)
    if b'x-dead-letter-exchange' not in arguments:
        raise _Invalid('routing_key_but_no_dlx_defined')


def _boolean(_value: Any, letter: str, _arguments: NamedArguments) -> None:
    if letter != 't':
        raise _Invalid(f'{{unacceptable_type,{TYPE_NAMES[letter]}}}')


def _one_of(reason: str, *allowed: str) -> _Check:
    """Make a check for a string; the reason may name the value as `{}`."""

    def check(value: Any, letter: str, arguments: NamedArguments) -> None:
        _string(value, letter, arguments)
        text = shown(value)
        if text not in allowed:
            raise _Invalid(reason.format(text))

    return check


def _version(value: Any, letter: str, arguments: NamedArguments) -> None:
    _integer(value, letter, arguments)
    if value not in _QUEUE_VERSIONS:
        raise _Invalid(f'"unsupported queue version \'{value}\'"')


def _age(value: Any, letter: str, arguments: NamedArguments) -> None:
    _string(value, letter, arguments)
    if age_seconds(shown(value)) is None:
        raise _Invalid('invalid_max_age')


_CHECKS: Final[Mapping[bytes, _Check]] = {
    b'x-expires': _expires,
    b'x-message-ttl': _time,
    b'x-dead-letter-exchange': _string,
    b'x-dead-letter-routing-key': _routing_key,
    b'x-dead-letter-strategy': _one_of('invalid_dlx_strategy', 'at-most-once', 'at-least-once'),
    b'x-max-length': _integer,
    b'x-max-length-bytes': _integer,
    b'x-max-in-memory-length': _integer,
    b'x-max-in-memory-bytes': _integer,
    b'x-max-priority': _priority,
    b'x-overflow': _one_of('invalid_overflow', *_OVERFLOWS),
    b'x-queue-mode': _one_of('"unsupported queue mode \'{}\'"', 'default', 'lazy'),
    b'x-queue-version': _version,
    b'x-single-active-consumer': _boolean,
    KIND_ARGUMENT: _string,
    b'x-quorum-initial-group-size': _integer,
    b'x-initial-cluster-size': _integer,
    b'x-max-age': _age,
    b'x-stream-max-segment-size-bytes': _integer,
    b'x-stream-filter-size-bytes': _integer,
    b'x-queue-leader-locator': _string,
    b'x-delivery-limit': _limit,
}

# The arguments that must be equal in all declarations of a queue.
CHECKED: Final = tuple(_CHECKS)

_CLASSIC_ONLY: Final = (b'x-max-priority', b'x-queue-mode', b'x-queue-version')
_NOT_FOR_STREAMS: Final = (
    *_CLASSIC_ONLY,
    b'x-expires',
    b'x-message-ttl',
    b'x-dead-letter-exchange',
    b'x-dead-letter-routing-key',
    b'x-max-length',
    b'x-overflow',
    b'x-single-active-consumer',
    b'x-delivery-limit',
)
_STREAMS_ONLY: Final = (
    b'x-max-age',
    b'x-stream-max-segment-size-bytes',
    b'x-stream-filter-size-bytes',
    b'x-initial-cluster-size',
)
_UNSUPPORTED: Final = {
    CLASSIC: (
        *_STREAMS_ONLY,
        b'x-delivery-limit',
        b'x-dead-letter-strategy',
        b'x-quorum-initial-group-size',
    ),
    QUORUM: (*_CLASSIC_ONLY, *_STREAMS_ONLY),
    STREAM: _NOT_FOR_STREAMS,
}


def check_arguments(arguments: NamedArguments, where: str) -> str:
    """Check the arguments of a queue, and return the kind of the queue.

    :param where: the queue, for the error message
    :raises Refusal: an argument is invalid, or not for this kind of queue
    """
    kind = _kind(arguments, where)
    segment = arguments.get(b'x-stream-max-segment-size-bytes', (0, 'l'))[0]
    if kind == STREAM and isinstance(segment, int) and segment > _SEGMENT_BYTES_MAX:
        what = 'Exceeded max value for x-stream-max-segment-size-bytes'
        raise Refusal(PRECONDITION_FAILED, what)
    for name, (value, letter) in arguments.items():
        if name in _UNSUPPORTED[kind]:
            raise unsupported(name, where, kind)
        check = _CHECKS.get(name)
        if check is not None:
            try:
                check(value, letter, arguments)
            except _Invalid as reason:
                raise _invalid(name.decode(), where, str(reason)) from None
    return kind


def _kind(arguments: NamedArguments, where: str) -> str:
    value, letter = arguments.get(KIND_ARGUMENT, (b'classic', 'S'))
    if letter != 'S':
        reason = f'{{unacceptable_type,{TYPE_NAMES[letter]}}}'
        raise _invalid('x-queue-type', where, reason)
    kind: str = shown(value)
    if kind not in KINDS:
        raise _invalid('x-queue-type', where, f'"unsupported queue type \'{kind}\'"')
    return kind


def unsupported(name: bytes, where: str, kind: str) -> Refusal:
    """Return the error for an argument that is not for this kind of queue."""
    return Refusal(
        PRECONDITION_FAILED,
        f"invalid arg '{name.decode()}' for {where} of queue type rabbit_{kind}_queue",
    )


def _invalid(name: str, where: str, reason: str) -> Refusal:
    return Refusal(PRECONDITION_FAILED, f"invalid arg '{name}' for {where}: {reason}")


def make_options(arguments: NamedArguments, policy: Mapping[str, Any], kind: str) -> QueueOptions:
    """Combine checked arguments with the definition of a policy.

    If both have an option, the lower number applies, and for other options the argument.
    https://www.rabbitmq.com/docs/policies#combining-policy-definitions
    """
    source = _Source(arguments, policy)
    priority = source.only_argument('max-priority')
    return QueueOptions(
        kind=kind,
        message_ttl=source.lowest('message-ttl'),
        expires=source.lowest('expires'),
        max_length=source.lowest('max-length'),
        max_length_bytes=source.lowest('max-length-bytes'),
        overflow=source.text('overflow') or DROP_HEAD,
        dead_letter_exchange=source.name('dead-letter-exchange'),
        dead_letter_routing_key=source.name('dead-letter-routing-key'),
        max_priority=priority if kind == CLASSIC else None,
        single_active_consumer=bool(source.only_argument('single-active-consumer')),
        delivery_limit=_delivery_limit(source, kind),
        max_age=age_seconds(source.text('max-age')),
    )


def _delivery_limit(source: _Source, kind: str) -> int | None:
    if kind != QUORUM:
        return None
    limit = source.lowest('delivery-limit')
    return QUORUM_DELIVERY_LIMIT if limit is None else limit


def age_seconds(text: str | None) -> float | None:
    """Return the seconds of an age such as ``7D``; None for an invalid age.

    The result is a float, because clients may send thousands of digits.
    """
    if text is None or text[-1:] not in _AGE_SECONDS:
        return None
    digits = text[:-1]
    if not (digits.isascii() and digits.isdecimal()):
        return None
    return float(digits) * _AGE_SECONDS[text[-1]]


class _Source:
    """Reads options from arguments and a policy."""

    def __init__(self, arguments: NamedArguments, policy: Mapping[str, Any]) -> None:
        self._arguments = arguments
        self._policy = policy

    def _argument(self, name: str) -> TypedValue | None:
        return self._arguments.get(f'x-{name}'.encode())

    def only_argument(self, name: str) -> Any:
        argument = self._argument(name)
        return None if argument is None else argument[0]

    def lowest(self, name: str) -> int | None:
        values = [self.only_argument(name), self._policy.get(name)]
        return min((value for value in values if value is not None), default=None)

    def text(self, name: str) -> str | None:
        value = self.name(name)
        return None if value is None else shown(value)

    def name(self, name: str) -> bytes | None:
        argument = self._argument(name)
        if argument is not None:
            return bytes(argument[0])
        value = self._policy.get(name)
        return None if value is None else str(value).encode()
