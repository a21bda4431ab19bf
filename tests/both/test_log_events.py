"""What a log handler of the program gets: each record with the name and the fields of its event."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from coolamqp.aio import Cluster
from coolamqp.objects import Queue, ReceivedMessage
from tests.both.conftest import MakeCluster
from tests.both.support import Collector, consume, fill
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration


class Handler(logging.Handler):
    """A handler of a program, which hands the records on to a collector of the test."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.collector: Collector | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self.collector is not None:
            self.collector(record)


@pytest.fixture
def handler(caplog: pytest.LogCaptureFixture) -> Iterator[Handler]:
    caplog.set_level(logging.INFO, 'coolamqp')
    handler = Handler()
    logging.getLogger('coolamqp').addHandler(handler)
    yield handler
    logging.getLogger('coolamqp').removeHandler(handler)


async def record_of(collector: Collector, event: str) -> dict[str, str]:
    """Wait for the first record of an event, and return all its attributes."""

    def found() -> list[dict[str, str]]:
        records = [vars(record) for record in collector.items]
        return [record for record in records if record.get('coolamqp_event') == event]

    await collector.wait_until(lambda: bool(found()))
    return found()[0]


async def test_the_record_of_a_lost_connection_has_its_node_and_the_cause(
    make_cluster: MakeCluster, proxy: FaultProxy, handler: Handler
) -> None:
    handler.collector = Collector()
    async with make_cluster(port=proxy.port, name='billing') as cluster:
        connected = await record_of(handler.collector, 'connected')
        node = str(cluster.node)
        proxy.cut()
        lost = await record_of(handler.collector, 'connection_lost')
        cause = str(cluster.last_error)

    assert (connected['coolamqp_cluster'], connected['coolamqp_node']) == ('billing', node)
    assert (lost['coolamqp_cluster'], lost['coolamqp_node']) == ('billing', node)
    assert lost['coolamqp_cause'] == cause


async def test_the_record_of_a_callback_that_raises_has_its_queue(
    cluster: Cluster, handler: Handler
) -> None:
    def stumble(_message: ReceivedMessage) -> None:
        raise ValueError('stumbled')

    handler.collector = Collector()
    await consume(cluster, Queue('bills'), stumble)
    await fill(cluster, 'bills', 1)
    record = await record_of(handler.collector, 'callback_failed')

    assert record['coolamqp_queue'] == 'bills'
    assert record['exc_info'] is not None


async def test_the_record_of_a_hook_that_raises_has_its_event(
    make_cluster: MakeCluster, handler: Handler
) -> None:
    def stumble(_event: object) -> None:
        raise ValueError('stumbled')

    handler.collector = Collector()
    cluster = make_cluster()
    cluster.on_event.add(stumble)
    async with cluster:
        record = await record_of(handler.collector, 'hook_failed')

    assert record['levelname'] == 'ERROR'
