"""The retries of a queue: the exchanges and queues in which a message waits for its next attempt.

For the queue ``jobs`` with the delays 1 and 60, they are:

* the queues ``jobs.retry.1s`` and ``jobs.retry.60s``, each behind a fanout exchange of its name.
  A message expires there after the delay, and is dead-lettered to the exchange ``jobs.retry``;
* the fanout exchange ``jobs.retry``, which routes to ``jobs``;
* the queue ``jobs.dead`` behind a fanout exchange of its name, for messages without a next attempt.

Fanout exchanges keep the routing key of a message. The queues are quorum queues with dead-lettering
at least once (https://www.rabbitmq.com/docs/quorum-queues#dead-lettering), so that no message is
lost between two of them.
"""

from __future__ import annotations

from typing import Final

from coolamqp.argumentify import argumentify
from coolamqp.framing.properties import BasicContentPropertyList
from coolamqp.objects.message import ATTEMPT, Message, ReceivedMessage
from coolamqp.objects.topology import (
    AT_LEAST_ONCE,
    DEAD_LETTER_EXCHANGE,
    Exchange,
    Queue,
    QueueBind,
    Subject,
    own_dead_letter_exchange,
    queue_name,
    text_argument,
)

QUORUM: Final = {'x-queue-type': 'quorum'}
# The header with the reason of the latest retry.
REASON: Final = 'x-retry-reason'
# The longest reason, in characters: a header must fit into a frame.
REASON_MAX: Final = 1000
# Headers that a broker adds. In RabbitMQ 3, an old x-death makes the broker take a retry for an
# endless cycle, and drop the message (https://www.rabbitmq.com/docs/dlx#cycles).
_OF_BROKER: Final = (b'x-death', b'x-first-death-', b'x-last-death-')
_OF_QUEUE: Final = (b'x-delivery-count', b'x-acquired-count')


def subjects_before(queue: Queue) -> list[Subject]:
    """Return what must be declared before a queue with retries; nothing for other queues."""
    if not queue.retry_delays:
        return []
    name = queue_name(queue)
    subjects: list[Subject] = [_fanout(name + b'.retry')]
    if text_argument(queue, DEAD_LETTER_EXCHANGE) == own_dead_letter_exchange(name):
        subjects += _behind_exchange(own_dead_letter_exchange(name), {})
    for delay in dict.fromkeys(queue.retry_delays):
        arguments = {
            'x-message-ttl': round(delay * 1000),
            DEAD_LETTER_EXCHANGE: name + b'.retry',
            **AT_LEAST_ONCE,
        }
        subjects += _behind_exchange(_delay_name(name, delay), arguments)
    return subjects


def binding_after(queue: Queue) -> list[QueueBind]:
    """Return the binding that brings messages back to a queue with retries; none for others."""
    if not queue.retry_delays:
        return []
    name = queue_name(queue)
    return [QueueBind(name, name + b'.retry', b'')]


def _behind_exchange(name: bytes, arguments: dict[str, object]) -> list[Subject]:
    """Return a queue with a fanout exchange of the same name, and their binding."""
    queue = Queue(name, durable=True, arguments={**QUORUM, **arguments})
    return [_fanout(name), queue, QueueBind(name, name, b'')]


def _fanout(name: bytes) -> Exchange:
    return Exchange(name, b'fanout')


def _delay_name(queue: bytes, delay: float) -> bytes:
    milliseconds = round(delay * 1000)
    if milliseconds % 1000:
        return b'%b.retry.%dms' % (queue, milliseconds)
    return b'%b.retry.%ds' % (queue, milliseconds // 1000)


def next_address(queue: Queue, message: ReceivedMessage) -> tuple[bytes, bytes]:
    """Return the exchange and the routing key for a message whose attempt has failed."""
    key = bytes(message.routing_key)
    if message.attempt <= len(queue.retry_delays):
        delay = queue.retry_delays[message.attempt - 1]
        return _delay_name(queue_name(queue), delay), key
    dead_key = text_argument(queue, 'x-dead-letter-routing-key')
    return text_argument(queue, DEAD_LETTER_EXCHANGE) or b'', key if dead_key is None else dead_key


def next_attempt(message: ReceivedMessage, reason: str) -> Message:
    """Return the copy of a message for its next attempt, or for the dead-letter queue.

    It does not have the expiration, which was for the first attempt, nor the user id, since the
    broker refuses that of another user.
    """
    # The text of an error may have what UTF-8 has not, such as a file name that is no text.
    reason = reason.encode('utf-8', 'backslashreplace').decode()[:REASON_MAX]
    new = {ATTEMPT: message.attempt + 1, **({REASON: reason} if reason else {})}
    old = argumentify(message.properties.headers)
    kept = [pair for pair in old if not _is_stale(bytes(pair[0]))]
    properties = BasicContentPropertyList.replace(
        message.properties, headers=kept + argumentify(new), expiration=None, user_id=None
    )
    return Message(message.body, properties)


def _is_stale(header: bytes) -> bool:
    ours = header in (ATTEMPT.encode(), REASON.encode())
    return ours or header in _OF_QUEUE or header.startswith(_OF_BROKER)
