"""Lists of functions that a program may add to: hooks."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.objects import Callable


def test_all_functions_are_called_each_time_in_their_order() -> None:
    calls: list[Any] = []
    functions = Callable()
    for number in (1, 2):
        functions.add(lambda *args, number=number, **kwargs: calls.append((number, args, kwargs)))
    functions('a', key='b')
    functions()
    called = (('a',), {'key': 'b'})
    assert calls == [(1, *called), (2, *called), (1, (), {}), (2, (), {})]


def test_oneshots_are_removed_after_their_call() -> None:
    calls: list[int] = []
    functions = Callable(oneshots=True)
    functions()
    for number in (1, 2):
        functions.add(lambda number=number: calls.append(number))
        functions()
        functions()
    assert calls == [1, 2]


@pytest.mark.parametrize('oneshots', [False, True])
def test_a_function_that_raises_is_logged_and_the_others_are_called(
    oneshots: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise LookupError('this one is broken')

    calls: list[int] = []
    functions = Callable(oneshots)
    functions.add(broken)
    functions.add(lambda: calls.append(1))
    functions()
    assert calls == [1]
    assert 'this one is broken' in caplog.text
