"""The publish window: the bounds for unconfirmed and for unsent messages."""

from __future__ import annotations

from typing import Final

from coolamqp.attaches.publisher import Publisher

# Messages without confirm wait for room while the send buffer has at least this many bytes.
UNSENT_BYTES_MAX: Final = 16 * 1024 * 1024
# The window is wide open up to this fraction of its bounds.
WIDE_OPEN_FRACTION: Final = 0.75


class PublishWindow:
    """The publish window for messages with confirms.

    :param max_unconfirmed: the largest number of unconfirmed messages
    :param max_unconfirmed_bytes: the largest size of all unconfirmed messages together, in bytes
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
            publisher.held <= self._max_unconfirmed * WIDE_OPEN_FRACTION
            and publisher.held_bytes <= self._max_unconfirmed_bytes * WIDE_OPEN_FRACTION
        )
