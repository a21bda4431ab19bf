"""Each kind of queue has its class."""

from __future__ import annotations

import pytest

from coolamqp.broker.base_queue import QueueDefinition
from coolamqp.broker.queue import Queue
from coolamqp.broker.queue_kinds import make_queue
from coolamqp.broker.queue_options import KINDS, STREAM
from coolamqp.broker.stream import Stream
from tests.broker.rig import Rig


@pytest.mark.parametrize('kind', KINDS)
def test_a_queue_of_each_kind(kind: str) -> None:
    (vhost,) = Rig().state.vhosts.values()

    queue = make_queue(vhost, QueueDefinition(b'q', kind, {}))

    assert type(queue) is (Stream if kind == STREAM else Queue)
    assert (queue.name, queue.kind, queue.message_count) == (b'q', kind, 0)
