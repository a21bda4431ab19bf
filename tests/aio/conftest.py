"""Clusters of the face for asyncio alone."""

from __future__ import annotations

from inspect import iscoroutinefunction

import pytest

from coolamqp.aio import Cluster
from coolamqp.objects import NodeDefinition
from tests.both.conftest import MakeCluster
from tests.conftest import NodeArguments
from tests.support.coroutines import LOOPS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that is a coroutine function on the loops of asyncio and of uvloop."""
    if iscoroutinefunction(metafunc.function):
        metafunc.fixturenames.append('loop')
        metafunc.parametrize('loop', LOOPS)


@pytest.fixture
def node(node_arguments: NodeArguments) -> NodeDefinition:
    """The node, with the virtual host of this test alone."""
    return NodeDefinition(**node_arguments)


@pytest.fixture
def make_cluster(node_arguments: NodeArguments) -> MakeCluster:
    """Make Clusters; the runner of the test enters this, so that it shuts them down."""
    return MakeCluster(Cluster, node_arguments)


@pytest.fixture
def cluster(make_cluster: MakeCluster) -> Cluster:
    """A Cluster that is connected: the runner of the test enters it."""
    return make_cluster()
