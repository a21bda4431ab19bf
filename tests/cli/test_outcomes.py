"""What became of published messages."""

from __future__ import annotations

import json
import threading
from concurrent.futures import Future
from typing import Any

import pytest

from coolamqp.cli.errors import Failure
from coolamqp.cli.outcomes import ERRORS_MAX, Outcomes
from coolamqp.cli.output import Output
from coolamqp.exceptions import AMQPError, ConnectionDead, MessageRefused, Returned
from coolamqp.objects import ReceivedMessage


def ended(error: Exception | None = None) -> Future[Any]:
    future: Future[Any] = Future()
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
    return future


def test_each_kind_is_counted(capfd: pytest.CaptureFixture[str]) -> None:
    outcomes = Outcomes()
    cancelled: Future[Any] = Future()
    cancelled.cancel()
    errors = [
        Returned(ReceivedMessage(b'', '', 'q')),
        AMQPError(404, 'NOT_FOUND'),
        MessageRefused(),
        ConnectionDead('gone'),
    ]
    for future in (ended(), ended(), cancelled, *map(ended, errors)):
        outcomes.expect(future)
    outcomes.wait(0.0)
    outcomes.report(Output(as_json=True))

    record = json.loads(capfd.readouterr().out)
    assert record.pop('errors') == {str(error): 1 for error in errors}
    assert record == {
        'published': 7, 'confirmed': 2, 'returned': 1, 'refused': 2, 'failed': 2, 'unconfirmed': 0,
    }  # fmt: skip
    assert not outcomes.all_confirmed


def test_the_wait_lasts_as_long_as_confirms_come() -> None:
    outcomes = Outcomes()
    futures: list[Future[Any]] = [Future() for _ in range(3)]
    for future in futures:
        outcomes.expect(future)

    def confirm_all() -> None:
        for future in futures:
            future.set_result(None)

    thread = threading.Thread(target=confirm_all)
    thread.start()
    outcomes.wait(30.0)
    thread.join()

    assert outcomes.all_confirmed


def test_the_wait_ends_if_none_comes(capfd: pytest.CaptureFixture[str]) -> None:
    outcomes = Outcomes()
    outcomes.expect(Future())

    with pytest.raises(Failure, match='not confirmed 1 message in 0 s'):
        outcomes.wait(0.0)
    outcomes.report(Output(as_json=False))
    assert capfd.readouterr().out == 'published 1 message: 0 confirmed, 1 unconfirmed\n'


def test_errors_are_bounded() -> None:
    outcomes = Outcomes()
    for number in range(2 * ERRORS_MAX):
        outcomes.expect(ended(ValueError(f'{number}')))

    assert len(outcomes.errors) == ERRORS_MAX
