"""A promise that has ended before a program gets it."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.attaches.promise import Ended


async def awaited(ended: Any) -> str:
    await ended
    return 'gone on'


def test_it_has_ended_well_in_every_way_of_asking() -> None:
    ended, called = Ended(), list[object]()
    assert ended.done()
    assert (ended.result(0), ended.exception(0)) == (None, None)
    ended.add_done_callback(called.append)
    assert called == [ended]


def test_it_takes_no_other_end() -> None:
    ended = Ended()
    ended.set_result('late')
    ended.set_exception(OSError('late'))
    assert (ended.result(), ended.exception()) == (None, None)


def test_awaiting_it_does_not_wait() -> None:
    with pytest.raises(StopIteration, match='gone on'):
        awaited(Ended()).send(None)
