"""Random hostile clients: nothing that they send harms the broker or a client that behaves well.

`BROKER_SEEDS=1000-2000 pytest tests/broker/test_at_random.py` runs these seeds, in some minutes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from coolamqp.broker import session
from coolamqp.broker.state import Limits
from coolamqp.broker.store import DiskStore
from tests.broker.chaos import Chaos
from tests.broker.rig import WALL_OFFSET, Rig

VARIABLE = 'BROKER_SEEDS'
SEEDS = range(8)  # of a short campaign
STEPS = 300
KB = 1000


def seeds() -> range:
    """Return the seeds to run."""
    first, _, last = os.environ.get(VARIABLE, '').partition('-')
    return range(int(first), int(last)) if first else SEEDS


@pytest.fixture(params=['in memory', 'in a folder', 'in little memory', 'with little to send'])
def make_rig(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rig]:
    """A broker of one of several kinds."""
    limits = Limits(heartbeat=0)
    store = None
    if request.param == 'in a folder':
        store = DiskStore(tmp_path, lambda: WALL_OFFSET)
        store._database.execute('PRAGMA synchronous = OFF')  # which saves most of the time
    elif request.param == 'in little memory':
        limits = Limits(heartbeat=0, memory_bytes_max=50 * KB, message_bytes_max=4 * KB)
    elif request.param == 'with little to send':
        for name, size in (('CONGESTED', 20), ('RELIEVED', 5), ('ANSWERS', 10)):
            monkeypatch.setattr(session, f'_{name}_BYTES', size * KB)
    yield Rig(limits, store)
    if store is not None:
        store.close()


@pytest.mark.timeout(0)
@pytest.mark.parametrize('seed', seeds())
def test_hostile_clients(make_rig: Rig, seed: int) -> None:
    Chaos(seed, make_rig).run(STEPS, check_every=5)
