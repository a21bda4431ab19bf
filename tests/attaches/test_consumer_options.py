"""The options of a consumer are checked where they are given."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.attaches import Consumer
from coolamqp.objects import Queue


@pytest.mark.parametrize(('qos', 'count'), [(5, 5), ((None, 6), 6), ((0, 7), 7), (None, None)])
def test_forms_of_qos(qos: Any, count: int | None) -> None:
    assert Consumer(Queue('q'), None, qos=qos).qos == count


def test_a_prefetch_size_is_deprecated() -> None:
    with pytest.warns(DeprecationWarning, match='no prefetch size'):
        assert Consumer(Queue('q'), None, qos=(100, 5)).qos == 5


@pytest.mark.parametrize('qos', [-1, 65536, 'five', (None, 1.5)])
def test_qos_that_makes_no_sense(qos: Any) -> None:
    with pytest.raises(ValueError, match='prefetch count'):
        Consumer(Queue('q'), None, qos=qos)
