"""How much a program may publish ahead of the broker, and of the socket."""

from __future__ import annotations

from typing import Final

from coolamqp.supervisor.engine import Engine

# Plain publishes wait while so many bytes are on their way to the socket.
UNSENT_MAX: Final = 16 * 1024 * 1024
# There is much room again from this part of the bounds on.
ROOMY: Final = 0.75


class Bounds:
    """Tells whether there is room for one more message.

    :param max_unconfirmed: how many messages may wait for their confirm
    :param max_unconfirmed_bytes: how large they may be together, in bytes
    """

    def __init__(self, engine: Engine, max_unconfirmed: int, max_unconfirmed_bytes: int) -> None:
        self._engine = engine
        self._max_unconfirmed = max_unconfirmed
        self._max_unconfirmed_bytes = max_unconfirmed_bytes

    def has_room(self) -> bool:
        """Whether a message may be published with a confirm."""
        publisher = self._engine.publisher
        return (
            publisher.held < self._max_unconfirmed
            and publisher.held_bytes < self._max_unconfirmed_bytes
        )

    def is_roomy(self) -> bool:
        """Whether many more messages may be published with a confirm."""
        publisher = self._engine.publisher
        return (
            publisher.held <= self._max_unconfirmed * ROOMY
            and publisher.held_bytes <= self._max_unconfirmed_bytes * ROOMY
        )

    def has_sent_enough(self) -> bool:
        """Whether a message may be published without; it is dropped if there is no connection."""
        connection = self._engine.connection
        return connection is None or connection.out.size < UNSENT_MAX
