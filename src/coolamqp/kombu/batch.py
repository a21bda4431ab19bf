"""The batches of `kombu.Producer.batch`: many messages, one wait for their confirms."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from kombu.exceptions import BatchPublishError

from coolamqp.kombu.messages import OutgoingMessage

# A message with exchange, routing key, and whether it is mandatory.
Publication: TypeAlias = tuple[OutgoingMessage, str, str, bool]


class Publisher(Protocol):
    """A channel, as a batch sees it."""

    def publish_all(self, messages: list[Publication]) -> None:
        """Publish messages, and wait for their confirms."""


class PublishBatch:
    """Messages that are published together.

    :param max_size: how many messages are collected before they are published
    """

    def __init__(self, channel: Publisher, max_size: int) -> None:
        self.channel = channel
        self._max_size = max_size
        self._messages: list[Publication] = []

    def publish(
        self,
        message: OutgoingMessage,
        exchange: str = '',
        routing_key: str = '',
        mandatory: bool = False,
        **_options: Any,
    ) -> None:
        """Collect a message. The time limits of `basic_publish` hold for no single message."""
        self._messages.append((message, exchange, routing_key, mandatory))
        if len(self._messages) >= self._max_size:
            self.flush()

    def flush(self) -> None:
        """Publish the messages; with `confirm_publish`, wait for all confirms.

        :raises BatchPublishError: some messages may not have arrived
        """
        messages, self._messages = self._messages, []
        if messages:
            try:
                self.channel.publish_all(messages)
            except Exception as error:
                raise BatchPublishError(f'some messages may not have arrived: {error}') from error

    def discard(self) -> None:
        """Drop the collected messages."""
        self._messages = []

    def close(self) -> None:
        """Do nothing: `flush` or `discard` has left no message."""
