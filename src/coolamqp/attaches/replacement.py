"""The replacement of a running consumer by one with another prefetch count.

RabbitMQ applies a prefetch count only to consumers that start after it
(https://www.rabbitmq.com/docs/consumer-prefetch).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from coolamqp.attaches.channeler import Dialogue
from coolamqp.framing.definitions import BasicCancel, BasicQos
from coolamqp.framing.method import Method
from coolamqp.uplink.channel import Channel

# A consumer tag has at most 255 bytes. The number of the replacement needs some of them.
FIRST_TAG_BYTES_MAX: Final = 200


class Replacement:
    """The replacements of one consumer, one at a time.

    :param first_tag: the consumer tag of the first consumer
    :ivar running: whether a replacement is under way
    """

    def __init__(self, first_tag: bytes) -> None:
        self.running = False
        self._first_tag = first_tag
        self._number = 0

    def next_tag(self) -> bytes:
        """Return the consumer tag of the next consumer."""
        self._number += 1
        return b'%d.%b' % (self._number, self._first_tag[:FIRST_TAG_BYTES_MAX])

    def begin(
        self,
        channel: Channel,
        dialogue: Dialogue,
        on_end: Callable[[], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        """Begin a replacement.

        :param dialogue: the methods to call, see `replace_consumer`
        :param on_end: called when the broker has answered all methods
        :param on_error: called with an error of the dialogue itself
        """

        def go_on(answer: Method | None) -> None:
            if not self.running:
                return
            try:
                method = dialogue.send(answer)
            except StopIteration:
                self.running = False
                on_end()
            except Exception as error:  # noqa: BLE001 - it ends the consumer
                on_error(error)
            else:
                channel.call(method, go_on)

        self.running = True
        go_on(None)

    def abandon(self) -> None:
        """Stop: the channel is lost."""
        self.running = False


def replace_consumer(
    old_tag: bytes, prefetch_count: int, consume: Callable[[], Method], exclusive: bool
) -> Dialogue:
    """Start a consumer with a prefetch count, and cancel the consumer with the old tag.

    The new consumer starts first, because the broker deletes an auto-delete queue with its last
    consumer. RabbitMQ answers a cancellation only when the queue has carried it out, and answers
    other methods meanwhile. RabbitMQ 3.10 fails if a cancellation arrives before the consume-ok of
    the same consumer is sent. So each method waits for the answer to the one before.

    :param consume: returns the method that starts the new consumer
    :param exclusive: whether the broker refuses a second consumer, so that the old one ends first
    """
    if exclusive:
        yield BasicCancel(old_tag)
    yield BasicQos(0, prefetch_count)
    yield consume()
    if not exclusive:
        yield BasicCancel(old_tag)
