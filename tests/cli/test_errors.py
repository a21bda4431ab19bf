"""Each error becomes one sentence with what to do, and its exit status."""

from __future__ import annotations

import pytest

from coolamqp.cli.errors import ExitStatus, Failure, connect_failure, failure_of
from coolamqp.exceptions import AMQPError, ConnectionDead, MessageRefused, Returned, TLSRefused
from coolamqp.objects import ReceivedMessage

RETURNED = Returned(ReceivedMessage(b'', 'amq.direct', 'nowhere'))


@pytest.mark.parametrize(
    ('error', 'status', 'what_to_do'),
    [
        (Failure('no such thing; make one'), ExitStatus.REFUSED, 'make one'),
        (ConnectionDead('cannot connect'), ExitStatus.NO_CONNECTION, 'check the address'),
        (AMQPError(404, 'NOT_FOUND'), ExitStatus.REFUSED, 'check the name'),
        (AMQPError(403, 'ACCESS_REFUSED'), ExitStatus.REFUSED, 'ask the administrator'),
        (AMQPError(405, 'RESOURCE_LOCKED'), ExitStatus.REFUSED, 'wait for its end'),
        (AMQPError(406, 'PRECONDITION_FAILED'), ExitStatus.REFUSED, 'use the same options'),
        (AMQPError(541, 'INTERNAL_ERROR'), ExitStatus.REFUSED, 'see the log of the broker'),
        (AMQPError(540, 'NOT_IMPLEMENTED'), ExitStatus.REFUSED, 'if it is a stream'),
        (RETURNED, ExitStatus.REFUSED, 'check the name of the queue'),
        (MessageRefused(), ExitStatus.REFUSED, 'may be full'),
        (TimeoutError('no answer'), ExitStatus.NO_CONNECTION, '--timeout'),
        (FileNotFoundError(2, 'No such file', 'list.txt'), ExitStatus.USAGE, 'list.txt'),
        (FileExistsError(17, 'File exists', 'day'), ExitStatus.USAGE, 'choose another name'),
        (ValueError('the port is wrong'), ExitStatus.USAGE, '--help'),
    ],
)
def test_an_error_is_told_in_one_line(
    error: Exception, status: ExitStatus, what_to_do: str
) -> None:
    failure = failure_of(error)

    assert failure is not None
    assert failure.status == status
    assert what_to_do in str(failure)
    assert '\n' not in str(failure)


def test_a_fault_of_ours_is_not_hidden() -> None:
    assert failure_of(AttributeError('x')) is None


@pytest.mark.parametrize(
    ('cause', 'ending'),
    [
        (None, 'whether the broker runs'),
        (ConnectionRefusedError(111, 'refused'), 'whether the broker runs'),
        (AMQPError(403, 'ACCESS_REFUSED'), 'rabbit: why; check the user and the password'),
        (AMQPError(530, 'NOT_ALLOWED'), 'whether the user may use it'),
        (AMQPError(541, 'INTERNAL_ERROR'), 'whether the broker runs'),
        (TLSRefused('use another certificate'), 'rabbit: why'),
    ],
)
def test_a_failed_connect_says_what_to_do_about_its_cause(
    cause: Exception | None, ending: str
) -> None:
    failure = connect_failure(ConnectionDead('cannot connect: rabbit: why.'), cause)

    assert failure.status == ExitStatus.NO_CONNECTION
    assert str(failure).startswith('cannot connect: rabbit: why')
    assert str(failure).endswith(ending)
