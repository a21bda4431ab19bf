"""The options of a consumer, and their checks."""

from __future__ import annotations

import re
import warnings
from datetime import datetime
from enum import IntEnum
from typing import Any, Final, Literal, TypeAlias, get_args

from coolamqp.framing.field_table import Arguments, encode_table, is_typed, table_items
from coolamqp.framing.text import Text, text_bytes
from coolamqp.objects import Queue
from coolamqp.objects.checks import checked_seconds
from coolamqp.objects.topology import queue_name

OnError: TypeAlias = Literal['requeue', 'reject', 'keep', 'retry']

# The default time for the end of a consumer or a Cluster, with its running callbacks, in seconds.
STOP_TIMEOUT: Final = 10.0
NO_EFFECT: Final = (
    'has no effect with no_ack=True, because the broker regards a message as acknowledged when it '
    'sends the message; pass no_ack=False, and acknowledge the messages'
)
PREFETCH_MAX: Final = 0xFFFF
BATCH_MAX: Final = PREFETCH_MAX
# How long the first message of a batch waits for the others: by default and at most, in seconds.
WITHIN: Final = 0.5
WITHIN_MAX: Final = 3600.0
PRIORITY: Final = 'x-priority'  # https://www.rabbitmq.com/docs/consumer-priority
STREAM_OFFSET: Final = 'x-stream-offset'  # https://www.rabbitmq.com/docs/streams#consuming
_STREAM_OFFSETS: Final = re.compile(b'first|last|next|[0-9]+[YMDhms]')


class BodyReceiveMode(IntEnum):
    """The type of the bodies of received messages.

    :ivar BYTES: bytes
    :ivar MEMORYVIEW: a memoryview; not a copy if the body came in one frame
    :ivar LIST_OF_MEMORYVIEW: a list with a memoryview for each frame, without a copy
    """

    BYTES = 0
    MEMORYVIEW = 1
    LIST_OF_MEMORYVIEW = 2


def consumed_queue(queue: Queue | Text, declare: bool, passive: bool) -> Queue:
    """Return the queue to consume, as an object.

    :raises TypeError: the value is neither a queue nor a name
    :raises ValueError: the queue has no name, and is not to be declared; or the flags contradict
        each other
    """
    if passive and not declare:
        raise ValueError('passive=True checks the queue, and declare=False does not; pass only one')
    if not isinstance(queue, Queue):
        name = queue_name(queue)
        if not name:
            raise ValueError("a queue without a name must be declared; pass Queue() instead of ''")
        return Queue(name)
    if queue.anonymous and (passive or not declare):
        raise ValueError(
            'the broker names an anonymous queue when it is declared; leave out passive and declare'
        )
    return queue


def prefetch_count(qos: Any) -> int:
    """Return the prefetch count of `qos`, which is a count or (size, count).

    :raises ValueError: the count is not from 0 to 65535; 0 means no limit
    """
    if isinstance(qos, tuple) and len(qos) == 2:  # noqa: PLR2004 - size and count
        size, qos = qos
        if size:
            warnings.warn(
                f'RabbitMQ has no prefetch size; {size} is taken as 0',
                DeprecationWarning,
                stacklevel=4,
            )
    if not _is_count(qos) or not 0 <= qos <= PREFETCH_MAX:
        raise ValueError(
            f'a prefetch count (qos) must be from 0 to {PREFETCH_MAX}, not {qos!r}; '
            f'0 means no limit'
        )
    count: int = qos
    return count


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def chosen_prefetch(qos: Any, prefetch: int | None) -> int | None:
    """Return the prefetch count, which has two names; None if it is not set.

    :raises ValueError: both names are used, or the count is out of range
    """
    if qos is not None and prefetch is not None:
        raise ValueError('prefetch and qos mean the same; pass only one of them')
    wanted = qos if prefetch is None else prefetch
    return None if wanted is None else prefetch_count(wanted)


def check_effect(
    no_ack: bool, qos: Any, prefetch: int | None, on_error: OnError, workers: int, calls: bool
) -> None:
    """Check that options have an effect.

    Programs for CoolAMQP 1.x and 2.x use `qos` with `no_ack`, so that is only a warning.

    :param calls: whether there is an `on_message`
    :raises ValueError: an option has no effect
    """
    if no_ack and qos is not None:
        warn_of_no_effect(4)
    if no_ack and prefetch is not None:
        raise ValueError(f'prefetch {NO_EFFECT}')
    if no_ack and on_error != 'keep':
        raise ValueError(f'on_error {NO_EFFECT}')
    if not calls and (workers > 1 or on_error != 'keep'):
        raise ValueError(
            'workers and on_error are about on_message; pass an on_message, or leave them out'
        )


def warn_of_no_effect(stacklevel: int) -> None:
    """Warn that the broker ignores a prefetch count for a consumer without acknowledgements."""
    warnings.warn(f'qos {NO_EFFECT}', UserWarning, stacklevel + 1)


def consume_arguments(arguments: Arguments, priority: int | None) -> Arguments:
    """Return the arguments of basic.consume, with the priority.

    :raises TypeError: a value has a type that field tables do not have
    :raises ValueError: a value makes RabbitMQ crash
    """
    for name, value in table_items(arguments, 'arguments of the consumer'):
        if name in (STREAM_OFFSET, STREAM_OFFSET.encode()):
            _check_stream_offset(value)
    if priority is not None:
        if not isinstance(priority, int):
            raise TypeError(f'priority must be an int, not {priority!r}')
        arguments = [*table_items(arguments, 'arguments of the consumer'), (PRIORITY, priority)]
    encode_table(arguments, 'arguments of the consumer')
    return arguments


def _check_stream_offset(value: Any) -> None:
    """Check where to begin in a stream; for others than these, RabbitMQ's channel crashes."""
    offset = value[0] if is_typed(value) else value
    if isinstance(offset, (str, bytes)):
        possible = _STREAM_OFFSETS.fullmatch(text_bytes(offset, STREAM_OFFSET)) is not None
    else:
        possible = isinstance(offset, (int, datetime))
    if not possible:
        raise ValueError(
            f"{STREAM_OFFSET} must be 'first', 'last', 'next', an int, a datetime or an age such "
            f"as '7D', not {offset!r}"
        )


def checked_workers(workers: int, inline: bool) -> int:
    """Return the number of callbacks that may run at the same time.

    :raises ValueError: it is less than 1, or more than 1 for inline callbacks
    """
    if not _is_count(workers) or workers < 1:
        raise ValueError(f'workers must be a whole number from 1, not {workers!r}')
    if inline and workers > 1:
        raise ValueError('inline callbacks run one at a time; leave out workers or inline')
    return workers


def batch_options(
    batch: int | None, within: float | None, prefetch: int | None, calls: bool
) -> tuple[int, float, int | None]:
    """Return the number of messages of a batch, its longest wait, and the prefetch count.

    Without a prefetch count, the broker sends the next batch while one is handled.

    :param calls: whether there is an `on_message`
    :raises ValueError: an option is out of range, or has no effect
    """
    if batch is None:
        if within is not None:
            raise ValueError('within is about batches; pass batch=, or leave out within')
        return 0, WITHIN, prefetch
    if not _is_count(batch) or not 1 <= batch <= BATCH_MAX:
        raise ValueError(f'batch must be a whole number from 1 to {BATCH_MAX}, not {batch!r}')
    if not calls:
        raise ValueError('batch is about on_message; pass an on_message, or leave out batch')
    if prefetch and prefetch < batch:
        raise ValueError(
            f'with prefetch={prefetch}, the broker never sends a batch of {batch} messages; '
            f'pass a prefetch of {2 * batch}, or leave it out'
        )
    seconds = WITHIN if within is None else checked_seconds(within, 'within', WITHIN_MAX)
    return batch, seconds, min(2 * batch, PREFETCH_MAX) if prefetch is None else prefetch


def checked_on_error(on_error: OnError, queue: Queue) -> OnError:
    """Return the treatment of a message whose callback raises.

    :raises ValueError: it is none of the four, or the queue has no retries
    """
    if on_error not in get_args(OnError):
        raise ValueError(
            f"on_error must be 'requeue', 'reject', 'retry' or 'keep', not {on_error!r}"
        )
    if on_error == 'retry' and not queue.retry_delays:
        raise ValueError(
            "on_error='retry' needs a queue with retry_delays, "
            "such as Queue('jobs', durable=True, retry_delays=(1, 10, 60))"
        )
    return on_error
