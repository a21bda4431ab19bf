"""What all connections of a broker share."""

from __future__ import annotations

import pytest

from coolamqp.broker.state import Flushable
from coolamqp.broker.storage import Storage
from coolamqp.broker.users import Permissions
from tests.broker.rig import Rig


class Notes(Storage):
    """Notes the order of commits and outputs."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def commit(self) -> None:
        self.heard.append('commit')


class Output(Flushable):
    """An output that flushes another one."""

    def __init__(self, notes: Notes, rig: Rig, then: Output | None = None) -> None:
        self._notes, self._rig, self._then = notes, rig, then

    def flush(self) -> None:
        self._notes.heard.append('output')
        if self._then is not None:
            self._rig.state.flushable[self._then] = None


def test_everything_is_stored_before_anything_is_sent() -> None:
    notes = Notes()
    rig = Rig(store=notes)
    notes.heard.clear()
    rig.state.flushable[Output(notes, rig, Output(notes, rig))] = None
    rig.state.flush()

    assert notes.heard == ['commit', 'output', 'output']
    assert not rig.state.flushable


def test_a_virtual_host_is_added_once(rig: Rig) -> None:
    assert rig.state.add_vhost('v') is rig.state.add_vhost('v')


def test_permissions_are_for_users_that_exist(rig: Rig) -> None:
    with pytest.raises(KeyError):
        rig.state.permit('nobody', '/', Permissions())


def test_the_latest_messages_are_remembered(rig: Rig) -> None:
    client = rig.connect()
    for number in range(10_001):
        client.publish(b'%d' % number, 'nowhere')

    assert len(rig.state.published) == 10_000
    assert next(iter(rig.state.published)).body == b'1'
