"""coolamqp: what is at the top."""

from __future__ import annotations

import coolamqp


def test_version_is_a_str() -> None:
    assert isinstance(coolamqp.__version__, str)
    assert coolamqp.__version__
