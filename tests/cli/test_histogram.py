"""Latencies in buckets."""

from __future__ import annotations

import pytest

from coolamqp.cli.histogram import Histogram


def test_percentiles_are_exact_to_one_per_cent() -> None:
    histogram = Histogram()
    for number in range(1, 1001):
        histogram.add(number / 1000)

    assert len(histogram) == 1000
    for percent in (1, 50, 90, 99, 99.9, 100):
        assert histogram.percentile(percent) == pytest.approx(percent / 100, rel=0.011)
    assert histogram.summary()['max'] == 1000.0
    assert list(histogram.summary()) == ['p50', 'p90', 'p99', 'p99.9', 'max']


def test_no_times_are_zeros() -> None:
    assert set(Histogram().summary().values()) == {0.0}


def test_histograms_are_merged() -> None:
    first, second = Histogram(), Histogram()
    first.add(1.0)
    second.add(3.0)
    second.add(0.0)
    first.merge(second)

    assert (len(first), first.longest) == (3, 3.0)
    assert first.percentile(50) == pytest.approx(1.0, rel=0.01)
