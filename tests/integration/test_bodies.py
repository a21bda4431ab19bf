"""Bodies of every size and shape come back as they were."""

from __future__ import annotations

import array
import hashlib
from typing import Any

import pytest

from coolamqp.attaches import BodyReceiveMode
from coolamqp.clustering import Cluster
from coolamqp.exceptions import AMQPError
from coolamqp.objects import Queue
from coolamqp.reply_codes import PRECONDITION_FAILED
from tests.integration.support import PATIENCE, Collector, confirmed, consume
from tests.support.nodes import BrokerNode

pytestmark = pytest.mark.integration

# RabbitMQ proposes a frame_max of 131072; 8 of it are the frame's own.
FULL_FRAME = 131072 - 8
MEBIBYTE = 1024 * 1024
SIZES = [0, 1, FULL_FRAME - 1, FULL_FRAME, FULL_FRAME + 1, 2 * FULL_FRAME, MEBIBYTE]
PATTERN = bytes(range(251))  # of a prime length, so that frames do not all look alike


def size_limit(rabbitmq: BrokerNode) -> int:
    """RabbitMQ's own max_message_size."""
    return (16 if rabbitmq.version >= (4,) else 128) * MEBIBYTE


def body_of(size: int) -> bytes:
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


def joined(body: Any, mode: BodyReceiveMode) -> bytes:
    """Check the type of a received body, and give it as bytes."""
    if mode is BodyReceiveMode.BYTES:
        assert type(body) is bytes
        return body
    if mode is BodyReceiveMode.MEMORYVIEW:
        assert type(body) is memoryview
        return bytes(body)
    assert type(body) is list
    assert all(type(piece) is memoryview for piece in body)
    return b''.join(body)


@pytest.mark.parametrize('mode', list(BodyReceiveMode), ids=lambda mode: mode.name)
def test_bodies_of_all_sizes_come_back(
    cluster: Cluster, rabbitmq: BrokerNode, mode: BodyReceiveMode
) -> None:
    sizes = [*SIZES, min(32 * MEBIBYTE, size_limit(rabbitmq))]
    queue = Queue('bodies', auto_delete=True)
    collector = Collector()
    consume(cluster, queue, collector, body_receive_mode=mode)

    futures = [confirmed(cluster, body_of(size), 'bodies') for size in sizes]
    for future in futures:
        assert future.result(PATIENCE) is None

    received = [joined(message.body, mode) for message in collector.wait_for(len(sizes))]
    assert [len(body) for body in received] == sizes
    for body in received:
        assert hashlib.sha256(body).digest() == hashlib.sha256(body_of(len(body))).digest()


def test_a_body_over_the_limit_is_refused_and_costs_itself_only(
    cluster: Cluster, rabbitmq: BrokerNode
) -> None:
    cluster.declare(Queue('bodies', auto_delete=True)).result(PATIENCE)
    before, too_large, after = (
        confirmed(cluster, bytes(size), 'bodies') for size in (1, size_limit(rabbitmq) + 1, 1)
    )

    with pytest.raises(AMQPError, match='larger than configured max size') as caught:
        too_large.result(PATIENCE)

    assert caught.value.reply_code == PRECONDITION_FAILED
    assert before.result(PATIENCE) is None
    assert after.result(PATIENCE) is None


@pytest.mark.parametrize(
    ('body', 'flat'),
    [
        (bytearray(b'abc'), b'abc'),
        (memoryview(b'abcd')[1:3], b'bc'),
        (memoryview(b'abcdef')[::2], b'ace'),
        (array.array('H', [1, 2]), array.array('H', [1, 2]).tobytes()),
        ([memoryview(b'ab'), memoryview(b''), memoryview(b'c')], b'abc'),
    ],
    ids=['bytearray', 'slice', 'strided', 'array', 'pieces'],
)
def test_anything_with_a_buffer_is_sent(cluster: Cluster, body: Any, flat: bytes) -> None:
    queue = Queue('buffers', auto_delete=True)
    collector = Collector()
    consume(cluster, queue, collector)

    confirmed(cluster, body, 'buffers').result(PATIENCE)

    (message,) = collector.wait_for(1)
    assert message.body == flat


def test_a_list_of_pieces_can_be_sent_on_as_it_came(cluster: Cluster) -> None:
    there, here = Queue('there', auto_delete=True), Queue('here', auto_delete=True)
    collector = Collector()
    consume(cluster, here, collector)

    def send_on(message: Any) -> None:
        confirmed(cluster, message.body, 'here')

    consume(cluster, there, send_on, body_receive_mode=BodyReceiveMode.LIST_OF_MEMORYVIEW)
    confirmed(cluster, body_of(MEBIBYTE), 'there').result(PATIENCE)

    (message,) = collector.wait_for(1)
    assert message.body == body_of(MEBIBYTE)
