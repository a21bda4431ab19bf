"""What becomes of messages that a command has shown: ack, requeue or reject."""

from __future__ import annotations

import click

from coolamqp.cli.errors import Failure
from coolamqp.cli.options import Function
from coolamqp.objects import ReceivedMessage

ACK, REQUEUE, REJECT = 'ack', 'requeue', 'reject'
# So many messages a command holds at most, to put them back at its end.
HELD_MAX = 20_000


def settle_options(function: Function) -> Function:
    """Add --ack, --requeue and --reject."""
    for add in (
        click.option('--reject', 'settlement', flag_value=REJECT, help='Drop or dead-letter them.'),
        click.option(
            '--requeue', 'settlement', flag_value=REQUEUE, help='Put them back at the end.'
        ),
        click.option('--ack', 'settlement', flag_value=ACK, default=ACK, help='[default]'),
    ):
        function = add(function)
    return function


class Held:
    """Messages to put back into their queue, in their order, when the command ends.

    To put them back earlier would deliver them again at once.
    """

    def __init__(self) -> None:
        self._messages: list[ReceivedMessage] = []

    def __len__(self) -> int:
        return len(self._messages)

    def hold(self, message: ReceivedMessage) -> None:
        """Keep a message.

        :raises Failure: there are too many
        """
        if len(self._messages) >= HELD_MAX:
            raise Failure(
                f'more than {HELD_MAX} messages are to stay in the queue, and no more can be held '
                f'at a time; narrow the queue down, or give --count'
            )
        self._messages.append(message)

    def settle(self, message: ReceivedMessage, settlement: str) -> None:
        """Settle a message that was shown; hold it if it is to stay in its queue."""
        if settlement == REQUEUE:
            self.hold(message)
        elif settlement == ACK:
            message.ack()
        else:
            message.reject()

    def put_back(self) -> None:
        """Requeue all of them."""
        for message in self._messages:
            message.nack()
        self._messages.clear()
