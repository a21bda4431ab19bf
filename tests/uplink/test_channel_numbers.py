"""The numbers of channels: each is in use once, and low ones go first."""

from __future__ import annotations

import pytest

from coolamqp.exceptions import CoolAMQPError
from coolamqp.uplink.channel_numbers import ChannelNumbers


def test_the_lowest_free_number_goes_first() -> None:
    numbers = ChannelNumbers(10)
    assert [numbers.allocate() for _ in range(5)] == [1, 2, 3, 4, 5]
    for number in (4, 2):
        numbers.release(number)
    assert [numbers.allocate() for _ in range(3)] == [2, 4, 6]


def test_there_are_as_many_as_the_broker_allows() -> None:
    numbers = ChannelNumbers(2)
    assert [numbers.allocate(), numbers.allocate()] == [1, 2]
    with pytest.raises(CoolAMQPError, match='all 2 channels'):
        numbers.allocate()
    numbers.release(1)
    assert numbers.allocate() == 1
