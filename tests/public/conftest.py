"""What the tests of the public API share besides the Clusters of every test."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import MakeCluster
from tests.support.proxy import FaultProxy


@pytest.fixture
def untyped(cluster: Any) -> Any:
    """The Cluster as old programs see it: in the argument orders that no type describes."""
    return cluster


@pytest.fixture
def through_proxy(make_cluster: MakeCluster, proxy: FaultProxy) -> Any:
    """A Cluster whose connection can be cut."""
    cluster = make_cluster(port=proxy.port)
    cluster.start()
    return cluster
