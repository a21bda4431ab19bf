"""A shutdown by many threads at once."""

from __future__ import annotations

import threading

import pytest

from coolamqp.clustering import Cluster
from tests.integration.support import PATIENCE

pytestmark = pytest.mark.integration


def test_shutdown_by_many_threads_at_once(cluster: Cluster) -> None:
    threads = [threading.Thread(target=cluster.shutdown) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive(), 'a shutdown hangs'
    assert cluster.is_shutdown()
