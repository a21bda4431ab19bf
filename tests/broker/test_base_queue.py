"""What queues of all kinds have in common: policies, and the end of unused queues."""

from __future__ import annotations

import pytest

from coolamqp.broker.arguments import typed
from coolamqp.broker.base_queue import QueueDefinition
from coolamqp.broker.queue_kinds import make_queue
from coolamqp.broker.queue_options import KINDS
from tests.broker.rig import Rig


@pytest.mark.parametrize('kind', KINDS)
def test_an_unused_queue_is_deleted_when_the_policy_says_so(kind: str) -> None:
    rig = Rig()
    (vhost,) = rig.state.vhosts.values()
    queue = make_queue(vhost, QueueDefinition(b'q', kind, {}))
    vhost.add_queue(queue)

    queue.apply_policy('short', {'expires': 5000})
    rig.advance(4.9)
    assert vhost.queues == {b'q': queue}
    rig.advance(0.2)

    assert vhost.queues == {}
    assert queue.deleted


def test_an_argument_and_a_policy_count_together() -> None:
    (vhost,) = Rig().state.vhosts.values()
    limited = QueueDefinition(b'q', 'classic', {b'x-max-length': typed(10)})
    queue = make_queue(vhost, limited)

    queue.apply_policy('lower', {'max-length': 5})
    assert (queue.policy, queue.options.max_length) == ('lower', 5)
    queue.apply_policy('', {})

    assert (queue.policy, queue.options.max_length) == ('', 10)
