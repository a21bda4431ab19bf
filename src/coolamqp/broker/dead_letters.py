"""Dead letters: the headers with the reasons and the counts of dead-lettering.

https://www.rabbitmq.com/docs/dlx#effects, with the headers of RabbitMQ 4.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

from coolamqp.broker.message import BrokerMessage
from coolamqp.framing.field_table import TypedTable

Reason: TypeAlias = Literal['rejected', 'expired', 'maxlen', 'delivery_limit']
REJECTED: Final = 'rejected'
EXPIRED: Final = 'expired'
MAXLEN: Final = 'maxlen'
DELIVERY_LIMIT: Final = 'delivery_limit'

_X_DEATH: Final = b'x-death'


def make_dead_letter(
    message: BrokerMessage,
    queue: bytes,
    reason: Reason,
    exchange: bytes,
    routing_key: bytes | None,
    seconds: int,
) -> BrokerMessage:
    """Return the dead letter of a message.

    :param queue: the queue that dead-letters the message
    :param exchange: the dead-letter exchange
    :param routing_key: the dead-letter routing key; None to keep the routing keys of the message
    :param seconds: the time, in seconds since 1970
    """
    events = list(message.deaths)
    event = _take_event(events, queue, reason) or _new_event(message, queue, reason, seconds)
    events.insert(0, event)
    headers: TypedTable = [item for item in message.headers if item[0] != _X_DEATH]
    headers.insert(0, (_X_DEATH, ([(each, 'F') for each in events], 'A')))
    origin = {'exchange': message.exchange, 'queue': queue, 'reason': reason.encode()}
    _set_names(headers, 'first', origin, replace=not message.deaths)
    _set_names(headers, 'last', origin, replace=True)
    dead = message.changed(headers=headers, expiration=None)
    dead.deaths = tuple(events)
    dead.exchange = exchange
    if routing_key is not None:
        dead.routing_key = routing_key
        dead.cc = dead.bcc = ()
    return dead


def is_cycle(message: BrokerMessage, queue: bytes) -> bool:
    """Whether a dead letter returns to a queue, and no consumer has rejected it since.

    RabbitMQ drops this dead letter: https://www.rabbitmq.com/docs/dlx#cycles.
    """
    for event in message.deaths:
        if _field(event, b'reason') == REJECTED.encode():
            return False
        if _field(event, b'queue') == queue:
            return True
    return False


def _take_event(events: list[TypedTable], queue: bytes, reason: str) -> TypedTable | None:
    """Remove the event for a queue and a reason, and return it with its count plus one."""
    for event in events:
        if _field(event, b'queue') == queue and _field(event, b'reason') == reason.encode():
            events.remove(event)
            return [
                (name, (value + 1 if name == b'count' else value, letter))
                for name, (value, letter) in event
            ]
    return None


def _new_event(message: BrokerMessage, queue: bytes, reason: str, seconds: int) -> TypedTable:
    keys = [(key, 'S') for key in (message.routing_key, *message.cc)]
    event: TypedTable = [
        (b'count', (1, 'l')),
        (b'reason', (reason.encode(), 'S')),
        (b'queue', (queue, 'S')),
        (b'time', (seconds, 'T')),
        (b'exchange', (message.exchange, 'S')),
        (b'routing-keys', (keys, 'A')),
    ]
    if message.expiration is not None:
        event.append((b'original-expiration', (str(message.expiration).encode(), 'S')))
    return event


def _field(event: TypedTable, name: bytes) -> Any:
    return next((value for each, (value, _) in event if each == name), None)


def _set_names(headers: TypedTable, which: str, origin: dict[str, bytes], *, replace: bool) -> None:
    """Set the headers `x-first-death-*` or `x-last-death-*`."""
    for part, value in origin.items():
        name = f'x-{which}-death-{part}'.encode()
        there = [index for index, item in enumerate(headers) if item[0] == name]
        if there and not replace:
            continue
        for index in reversed(there):
            del headers[index]
        headers.append((name, (value, 'S')))
