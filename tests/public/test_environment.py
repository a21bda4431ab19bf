"""The environment variables that CoolAMQP looks at."""

from __future__ import annotations

from pathlib import Path

import pytest

from coolamqp.objects import Queue
from tests.conftest import MakeCluster
from tests.integration.support import PATIENCE, Collector, confirmed, consume

pytestmark = pytest.mark.integration


def epolls() -> int:
    """Count the epoll objects that this process has."""
    links = Path('/proc/self/fd').iterdir()
    return sum('eventpoll' in str(link.readlink()) for link in links if link.is_symlink())


@pytest.mark.parametrize('value', [None, '1'])
def test_force_select_listener(
    make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv('COOLAMQP_FORCE_SELECT_LISTENER', raising=False)
    else:
        monkeypatch.setenv('COOLAMQP_FORCE_SELECT_LISTENER', value)
    before = epolls()
    cluster = make_cluster()
    cluster.start()
    assert epolls() - before == (0 if value else 1)

    collector = Collector()
    consume(cluster, Queue('selected', auto_delete=True), collector)
    confirmed(cluster, b'works', 'selected').result(PATIENCE)
    collector.wait_for(1)
