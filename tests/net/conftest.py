"""Sockets that listen, and ones that never answer; and transports to them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any, TypeAlias

import pytest

from tests.net.rig import PATIENCE, TransportRig, resolved
from tests.support.ports import HOST

MakeRig: TypeAlias = Callable[..., TransportRig]


@pytest.fixture
def resources() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def listening(resources: ExitStack) -> socket.socket:
    """A socket that takes connections."""
    server = resources.enter_context(socket.create_server((HOST, 0)))
    server.settimeout(PATIENCE)
    return server


@pytest.fixture
def black_hole(resources: ExitStack) -> Any:
    """An address that never answers: that of a listener with no room for one more."""
    server = resources.enter_context(socket.create_server((HOST, 0), backlog=0))
    full = resources.enter_context(socket.socket())
    full.connect(server.getsockname())
    return server.getsockname()


@pytest.fixture
def make_rig(monkeypatch: pytest.MonkeyPatch, resources: ExitStack) -> MakeRig:
    """Connect to a name with these addresses."""

    def make(*targets: Any) -> TransportRig:
        def look_up(*_: Any, flags: int = 0, **__: Any) -> list[Any]:
            if flags & socket.AI_NUMERICHOST:
                raise socket.gaierror('no number')
            return resolved(*targets)

        monkeypatch.setattr(socket, 'getaddrinfo', look_up)
        rig = TransportRig()
        resources.enter_context(closing(rig.transport))
        return rig

    return make
