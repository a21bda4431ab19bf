"""The options of a consumer, checked where they are given."""

from __future__ import annotations

import warnings
from enum import IntEnum
from typing import Any, Final, Literal, TypeAlias, get_args

from coolamqp.framing.field_table import Arguments, encode_table, table_items

OnError: TypeAlias = Literal['requeue', 'reject', 'keep']

PREFETCH_MAX: Final = 0xFFFF
PRIORITY: Final = 'x-priority'  # https://www.rabbitmq.com/docs/consumer-priority


class BodyReceiveMode(IntEnum):
    """How the body of a received message is given.

    :ivar BYTES: as bytes of its own
    :ivar MEMORYVIEW: as a memoryview, of what was received if the body came in one frame
    :ivar LIST_OF_MEMORYVIEW: as the list of the pieces in which it came, none of them copied
    """

    BYTES = 0
    MEMORYVIEW = 1
    LIST_OF_MEMORYVIEW = 2


def prefetch_count(qos: Any) -> int:
    """Give the prefetch count that `qos` says: a count, or (size, count).

    :raises ValueError: it is not from 0, for no bound, to 65535
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
            f'a prefetch count (qos) is from 0, for no bound, to {PREFETCH_MAX}, not {qos!r}'
        )
    count: int = qos
    return count


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def chosen_prefetch(qos: Any, prefetch: int | None) -> int | None:
    """Give the prefetch count, which has two names.

    :raises ValueError: both are given, or it is none
    """
    if qos is not None and prefetch is not None:
        raise ValueError('prefetch is another name of qos; give only one of them')
    wanted = qos if prefetch is None else prefetch
    return None if wanted is None else prefetch_count(wanted)


def consume_arguments(arguments: Arguments, priority: int | None) -> Arguments:
    """Give the arguments of basic.consume, the priority among them.

    :raises TypeError: something that no field table can hold
    """
    if priority is not None:
        if not isinstance(priority, int):
            raise TypeError(f'priority must be an int, not {priority!r}')
        arguments = [*table_items(arguments, 'arguments of the consumer'), (PRIORITY, priority)]
    encode_table(arguments, 'arguments of the consumer')
    return arguments


def checked_workers(workers: int, inline: bool) -> int:
    """Give how many callbacks may run at once.

    :raises ValueError: fewer than one, or several on the only I/O thread
    """
    if not _is_count(workers) or workers < 1:
        raise ValueError(f'workers must be a whole number from 1, not {workers!r}')
    if inline and workers > 1:
        raise ValueError('inline callbacks run on the I/O thread, which is one; leave out workers')
    return workers


def checked_on_error(on_error: OnError) -> OnError:
    """Give what becomes of a message whose callback has raised.

    :raises ValueError: there is no such policy
    """
    if on_error not in get_args(OnError):
        raise ValueError(f"on_error must be 'requeue', 'reject' or 'keep', not {on_error!r}")
    return on_error
