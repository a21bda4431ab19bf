"""Failures of commands: one sentence that says what happened and what to do, and an exit status."""

from __future__ import annotations

from concurrent.futures import CancelledError
from enum import IntEnum
from typing import Final, TypeAlias

from coolamqp.exceptions import AMQPError, ConnectionDead, MessageRefused, Returned, TLSRefused
from coolamqp.framing.definitions import (
    ACCESS_REFUSED,
    NOT_ALLOWED,
    NOT_FOUND,
    NOT_IMPLEMENTED,
    PRECONDITION_FAILED,
    RESOURCE_LOCKED,
)


class ExitStatus(IntEnum):
    """The exit statuses of all commands. They are documented, and stay."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    NO_CONNECTION = 3
    NOTHING = 4
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class Failure(Exception):
    """The end of a command that could not do what it was asked to.

    :param sentence: what happened, and what to do
    :param status: the exit status
    """

    def __init__(self, sentence: str, status: ExitStatus = ExitStatus.REFUSED) -> None:
        super().__init__(sentence)
        self.status = status


WHAT_TO_DO: Final = {
    ACCESS_REFUSED: 'ask the administrator of the broker for the permission, or log in as another '
    'user',
    NOT_FOUND: 'check the name and the virtual host, or declare it first',
    RESOURCE_LOCKED: 'another connection uses it exclusively; wait for its end',
    PRECONDITION_FAILED: 'use the same options as those with which it was declared, or another '
    'name',
    NOT_IMPLEMENTED: 'if it is a stream, read it with: coolamqp consume QUEUE --offset first',
}
# The same for a broker that refuses the login.
AT_LOGIN: Final = {
    ACCESS_REFUSED: 'check the user and the password',
    NOT_ALLOWED: 'check the name of the virtual host, and whether the user may use it',
}
CHECK_ADDRESS: Final = (
    'check the address (--url, AMQP_URL or a context) and whether the broker runs'
)

_Kinds: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]
OTHERS: Final[tuple[tuple[_Kinds, ExitStatus, str], ...]] = (
    (ConnectionDead, ExitStatus.NO_CONNECTION, CHECK_ADDRESS),
    (Returned, ExitStatus.REFUSED, 'check the name of the queue, or declare it first'),
    (MessageRefused, ExitStatus.REFUSED, 'its queue may be full, see: coolamqp info QUEUE'),
    ((TimeoutError, CancelledError), ExitStatus.NO_CONNECTION, 'try a longer --timeout'),
    (FileExistsError, ExitStatus.USAGE, 'choose another name, or delete it'),
    (OSError, ExitStatus.USAGE, 'check the name and its permissions'),
    (ValueError, ExitStatus.USAGE, 'see --help'),
)


def connect_failure(error: ConnectionDead, cause: Exception | None) -> Failure:
    """Return the failure of a command that cannot connect.

    :param error: says which nodes there are, and why each of them is not reached
    :param cause: the latest cause; None if no node has answered
    """
    text = str(error).rstrip('.')
    if isinstance(cause, TLSRefused):  # It says itself what to do.
        return Failure(text, ExitStatus.NO_CONNECTION)
    what = CHECK_ADDRESS
    if isinstance(cause, AMQPError):
        what = AT_LOGIN.get(cause.reply_code, what)
    return Failure(f'{text}; {what}', ExitStatus.NO_CONNECTION)


def failure_of(error: BaseException) -> Failure | None:
    """Return the failure that an error means for the user; None if it is a fault of ours."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, AMQPError) and not isinstance(error, Returned):
        what = WHAT_TO_DO.get(error.reply_code, 'see the log of the broker')
        return Failure(f'the broker refuses: {error}; {what}')
    for kinds, status, what in OTHERS:
        if isinstance(error, kinds):
            return Failure(f'{_told(error)}; {what}', status)
    return None


def _told(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f'{error.filename}: {error.strerror}'
    return str(error) or 'there was no answer in time'
