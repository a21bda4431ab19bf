"""The publish window: how much a program may publish ahead of the broker, and of the socket."""

from __future__ import annotations

from typing import Final

from coolamqp.attaches.publisher import Publisher

# Publishes without confirm wait while so many bytes are on their way to the socket.
UNSENT_MAX: Final = 16 * 1024 * 1024
# Up to this part of the bounds there is much room.
WIDE_PART: Final = 0.75


class PublishWindow:
    """Decides whether there is room for one more message that is to be confirmed.

    :param max_unconfirmed: how many messages may wait for their confirm
    :param max_unconfirmed_bytes: how large they may be together, in bytes
    """

    def __init__(
        self, publisher: Publisher, max_unconfirmed: int, max_unconfirmed_bytes: int
    ) -> None:
        self._publisher = publisher
        self._max_unconfirmed = max_unconfirmed
        self._max_unconfirmed_bytes = max_unconfirmed_bytes

    def is_open(self) -> bool:
        """Whether there is room for one more message."""
        publisher = self._publisher
        return (
            publisher.held < self._max_unconfirmed
            and publisher.held_bytes < self._max_unconfirmed_bytes
        )

    def is_wide_open(self) -> bool:
        """Whether there is room for many more messages."""
        publisher = self._publisher
        return (
            publisher.held <= self._max_unconfirmed * WIDE_PART
            and publisher.held_bytes <= self._max_unconfirmed_bytes * WIDE_PART
        )
