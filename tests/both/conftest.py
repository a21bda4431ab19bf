"""Clusters of both faces: each test that asks for one runs twice."""

from __future__ import annotations

from typing import Any, Self

import pytest

from coolamqp.aio import Cluster
from coolamqp.objects import NodeDefinition
from tests.both.faces import FACES
from tests.conftest import NODE_OPTIONS, NodeArguments

# The modules about transports and time. tests/aio has the rest of what depends on the loop.
ON_UVLOOP = ('test_flow', 'test_reconnecting', 'test_tls')


class MakeCluster:
    """Makes Clusters of one face on this test's virtual host, and shuts them down after it.

    Takes the options of a Cluster, and those of a node that are to be others.
    """

    def __init__(self, face: type[Cluster], node_arguments: NodeArguments) -> None:
        self._face = face
        self._node_arguments = node_arguments
        self._made: list[Cluster] = []

    def __call__(self, **options: Any) -> Cluster:
        node: dict[str, Any] = dict(self._node_arguments)
        node.update({name: options.pop(name) for name in NODE_OPTIONS if name in options})
        cluster = self._face(NodeDefinition(**node), **options)
        self._made.append(cluster)
        return cluster

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for cluster in self._made:
            if cluster.started:
                await cluster.shutdown()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that asks for a face with both; in some modules also on uvloop."""
    if 'face' in metafunc.fixturenames:
        loops = {name: (name, 'asyncio') for name in FACES}
        if metafunc.module.__name__.rpartition('.')[2] in ON_UVLOOP:
            loops['uvloop'] = ('asyncio', 'uvloop')
        metafunc.fixturenames.append('loop')
        metafunc.parametrize(('face', 'loop'), loops.values(), ids=loops, indirect=['face'])


@pytest.fixture
def face(request: pytest.FixtureRequest) -> type[Cluster]:
    """The class of Clusters."""
    name: str = request.param
    return FACES[name]


@pytest.fixture
def make_cluster(face: type[Cluster], node_arguments: NodeArguments) -> MakeCluster:
    """Make Clusters; the runner of the test enters this, so that it shuts them down."""
    return MakeCluster(face, node_arguments)


@pytest.fixture
def cluster(make_cluster: MakeCluster) -> Cluster:
    """A Cluster that is connected: the runner of the test enters it."""
    return make_cluster()
