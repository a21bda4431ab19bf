"""What a program's code raises costs nobody but itself."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from typing import Any

import pytest

from coolamqp.api.guarded import complete, guarded
from coolamqp.attaches.effects import Effects
from tests.support.deliveries import Refusable
from tests.support.ending import Ending


def fail(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize('error', [ValueError('stumbled'), SystemExit('stumbled')], ids=repr)
def test_what_a_function_raises_is_logged(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    guarded(fail, error)
    assert 'stumbled' in caplog.text


class BrokenLog(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise OSError('no space left')


def test_a_log_that_raises_costs_nothing() -> None:
    handler, log = BrokenLog(), logging.getLogger('coolamqp.api.guarded')
    log.addHandler(handler)
    try:
        guarded(fail, ValueError('stumbled'))
    finally:
        log.removeHandler(handler)


class BrokenPromise(Ending):
    def set_result(self, result: Any) -> None:
        raise ZeroDivisionError

    def set_exception(self, exception: BaseException | None) -> None:
        raise ZeroDivisionError


def test_a_promise_that_raises_costs_no_other() -> None:
    effects, endings, error = Effects(), [Ending() for _ in range(3)], OSError('lost')
    effects.succeed(BrokenPromise())
    effects.succeed(endings[0])
    effects.fail(BrokenPromise(), error)
    effects.fail(endings[1], error)
    effects.succeed(BrokenPromise(), 'value')
    effects.succeed(endings[2], 'value')
    complete(effects)
    assert [ending.ends for ending in endings] == [[None], [error], ['value']]


def test_a_promise_that_was_cancelled_is_left_alone() -> None:
    effects = Effects()
    futures: list[Future[Any]] = [Future() for _ in range(3)]
    for future in futures:
        assert future.cancel()
    effects.succeed(futures[0])
    effects.succeed(futures[1], 'value')
    effects.fail(futures[2], OSError('lost'))
    complete(effects)
    assert all(future.cancelled() for future in futures)


def test_a_message_that_nobody_waits_for_any_more_goes_back_to_its_queue() -> None:
    effects, future, message = Effects(), Future[Any](), Refusable(b'')
    future.cancel()
    effects.succeed(future, message)
    complete(effects)
    assert message.refusals == [True]
