"""Whether to read from the broker, given what waits for callbacks."""

from __future__ import annotations

import pytest

from coolamqp.supervisor.watermarks import (
    ANSWERS_FACTOR,
    HIGH_BYTES,
    HIGH_MESSAGES,
    ReadWatermarks,
)


def reads(watermarks: ReadWatermarks, reading: bool = True, *, owes_answers: bool = False) -> bool:
    return watermarks.should_read(reading, lambda: owes_answers)


@pytest.mark.parametrize(('messages', 'size'), [(HIGH_MESSAGES, 0), (1, HIGH_BYTES)])
def test_reading_pauses_at_the_high_mark_and_resumes_at_half_of_it(
    messages: int, size: int
) -> None:
    watermarks = ReadWatermarks()
    watermarks.add(messages - 1, size - 1)
    assert reads(watermarks)
    watermarks.add(1, 1)
    assert not reads(watermarks)

    assert not watermarks.release(messages // 2 - 1, size // 2 - 1)
    assert not reads(watermarks, reading=False)
    assert watermarks.release(2, 2)
    assert reads(watermarks, reading=False)


def test_while_an_answer_is_owed_reading_goes_on_up_to_a_higher_mark() -> None:
    watermarks = ReadWatermarks()
    watermarks.add(ANSWERS_FACTOR * HIGH_MESSAGES - 1, 0)
    assert reads(watermarks, owes_answers=True)
    watermarks.add(1, 0)
    assert not reads(watermarks, owes_answers=True)


def test_resuming_is_told_once() -> None:
    watermarks = ReadWatermarks()
    watermarks.add(HIGH_MESSAGES, 0)
    assert not reads(watermarks)
    assert watermarks.release(HIGH_MESSAGES - 5, 0)
    assert not watermarks.release(5, 0)


def test_nothing_is_told_if_reading_has_not_paused() -> None:
    watermarks = ReadWatermarks()
    watermarks.add(HIGH_MESSAGES, 0)
    assert not watermarks.release(HIGH_MESSAGES, 0)
