"""Publishing: the future is the confirm, and the back-pressure."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from coolamqp.aio import Cluster
from coolamqp.exceptions import AMQPError, Returned
from coolamqp.objects import Exchange, Message, NodeDefinition, Queue
from coolamqp.supervisor import engine
from tests.aio.support import Collector, cluster_with, fill, numbers, soon
from tests.conftest import NodeArguments
from tests.support.ports import free_port
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.integration


def offline() -> Cluster:
    """Give a Cluster that finds no broker, and can hold three messages."""
    node = NodeDefinition(host='127.0.0.1', port=free_port(), user='guest', password='guest')
    return Cluster(node, max_unconfirmed=3)


async def content_of(cluster: Cluster, queue: str) -> list[Any]:
    """Give the bodies in a queue, which is empty then."""
    messages = cluster.messages(Queue(queue, durable=True), timeout=0.3, no_ack=True)
    return [message.body async for message in messages]


async def test_a_confirm_and_a_pipeline_of_them(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        first = await soon(cluster.publish(Message(b'0'), routing_key='q', confirm=True))
        assert first is None
        await soon(
            asyncio.gather(
                *(
                    cluster.publish(Message(b'%d' % number), routing_key='q', confirm=True)
                    for number in range(1, 2000)
                )
            )
        )
        assert numbers(await content_of(cluster, 'q')) == list(range(2000))


async def test_without_confirm_it_ends_when_the_message_is_handed_over(
    node: NodeDefinition,
) -> None:
    async with cluster_with(node, 'q') as cluster:
        for number in range(100):
            future = cluster.publish(Message(b'%d' % number), routing_key='q')
            assert future.done()
            assert await future is None
        assert len(await content_of(cluster, 'q')) == 100


async def test_what_is_wrong_is_raised_at_the_call(node: NodeDefinition) -> None:
    async with Cluster(node) as cluster:
        with pytest.raises(TypeError, match='message must be a Message'):
            cluster.publish(b'bytes')  # type: ignore[arg-type]  # that is what is tested
        with pytest.raises(ValueError, match='routing_key'):
            cluster.publish(Message(b''), routing_key='x' * 256)
        with pytest.raises(ValueError, match='timeout'):
            cluster.publish(Message(b''), timeout=-1)


async def test_a_mandatory_message_comes_back(node: NodeDefinition) -> None:
    returned = asyncio.Event()

    async def on_return(error: Returned) -> None:
        assert error.message.body == b'plain'
        returned.set()

    async with Cluster(node) as cluster:
        cluster.on_return.add(on_return)
        with pytest.raises(Returned, match='NO_ROUTE'):
            await soon(
                cluster.publish(Message(b''), routing_key='none', confirm=True, mandatory=True)
            )
        cluster.publish(Message(b'plain'), routing_key='none', mandatory=True)
        await soon(returned.wait())


async def test_a_refusal_ends_the_message_that_it_is_for(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        wrong = cluster.publish(Message(b''), Exchange('no-such-exchange'), 'q', confirm=True)
        right = cluster.publish(Message(b''), routing_key='q', confirm=True)

        with pytest.raises(AMQPError, match='no-such-exchange'):
            await soon(wrong)
        assert await soon(right) is None


# -- bounds


async def test_at_the_bound_messages_wait_their_turn_and_keep_their_order(
    node: NodeDefinition,
) -> None:
    most = 0
    async with cluster_with(node, 'q', max_unconfirmed=5) as cluster:
        futures = []
        for number in range(500):
            message = Message(b'%d' % number)
            futures.append(cluster.publish(message, routing_key='q', confirm=True))
            most = max(most, cluster._core.engine._publisher.held)
        await soon(asyncio.gather(*futures))
        assert most == 5
        assert numbers(await content_of(cluster, 'q')) == list(range(500))


async def test_awaiting_each_future_keeps_within_the_bound_of_bytes(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q', max_unconfirmed_bytes=10_000) as cluster:
        bodies = [Message(b'x' * 4000) for _ in range(50)]
        await soon(asyncio.gather(*cluster.publish_many(bodies, routing_key='q')))
        assert len(await content_of(cluster, 'q')) == 50


async def test_plain_messages_wait_while_too_much_is_unsent(
    node_arguments: NodeArguments, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, 'UNSENT_BYTES_MAX', 1_000_000)
    arguments: dict[str, Any] = {**node_arguments, 'host': proxy.host, 'port': proxy.port}
    async with cluster_with(NodeDefinition(**arguments), 'q') as cluster:
        await asyncio.to_thread(proxy.pause)
        futures = [
            cluster.publish(Message(b'%d' % number + bytes(100_000)), routing_key='q')
            for number in range(300)
        ]
        hurried = cluster.publish(Message(b'hurried'), routing_key='q', timeout=0.01)
        assert sum(future.done() for future in futures) < 300
        with pytest.raises(TimeoutError, match='unsent'):
            await hurried
        await asyncio.to_thread(proxy.resume)

        await soon(asyncio.gather(*futures))
        bodies = await content_of(cluster, 'q')
        assert numbers([body.rstrip(b'\0') for body in bodies]) == list(range(300))


async def test_a_message_for_which_there_is_no_room_in_time_is_not_published() -> None:
    cluster = offline()
    await cluster.start(wait=False)
    held = [cluster.publish(Message(b''), confirm=True) for _ in range(3)]

    with pytest.raises(TimeoutError, match='too much is unconfirmed'):
        await cluster.publish(Message(b''), confirm=True, timeout=0.01)
    assert not any(future.done() for future in held)
    for future in held:
        future.cancel()
    await cluster.shutdown()


async def test_cancelling_takes_back_what_was_not_sent_and_makes_room(
    node_arguments: NodeArguments, proxy: FaultProxy
) -> None:
    arguments: dict[str, Any] = {**node_arguments, 'host': proxy.host, 'port': proxy.port}
    async with cluster_with(NodeDefinition(**arguments), 'q', max_unconfirmed=2) as cluster:
        proxy.refuse()
        await asyncio.to_thread(proxy.cut)
        await soon(cluster.drain(None))

        async def publish(body: bytes) -> None:
            await cluster.publish(Message(body), routing_key='q', confirm=True)

        tasks = [asyncio.create_task(publish(b'%d' % number)) for number in range(5)]
        await asyncio.sleep(0)
        for number in (0, 2):  # one that is held, one that waits for room
            tasks[number].cancel()
        await asyncio.to_thread(proxy.accept)
        ends = await soon(asyncio.gather(*tasks, return_exceptions=True))

        assert [type(end) for end in ends] == [
            asyncio.CancelledError, type(None), asyncio.CancelledError, type(None), type(None),
        ]  # fmt: skip
        assert numbers(await content_of(cluster, 'q')) == [1, 3, 4]


async def test_a_cancelled_wait_for_a_sent_message_does_no_harm(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        future = cluster.publish(Message(b'sent'), routing_key='q', confirm=True)
        await asyncio.sleep(0)
        future.cancel()
        await soon(cluster.publish(Message(b'next'), routing_key='q', confirm=True))

        assert await content_of(cluster, 'q') == [b'sent', b'next']


# -- many at once


async def test_many_with_addresses_of_their_own(node: NodeDefinition) -> None:
    async with cluster_with(node, 'one') as cluster:
        await soon(cluster.declare(Queue('two', durable=True)))
        futures = cluster.publish_many(
            [Message(b'1'), (Message(b'2'), None, 'two')], routing_key='one'
        )
        await soon(asyncio.gather(*futures))
        assert await content_of(cluster, 'one') == [b'1']
        assert await content_of(cluster, 'two') == [b'2']
        with pytest.raises(TypeError, match='message must be a Message'):
            cluster.publish_many([Message(b''), 3])  # type: ignore[list-item]  # as above


async def test_all_confirms_can_be_waited_for(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q', max_unconfirmed=10) as cluster:
        await cluster.wait_for_confirms()
        futures = cluster.publish_many([Message(b'')] * 50, routing_key='q')
        await soon(cluster.wait_for_confirms())
        assert all(future.done() for future in futures)

    cluster = offline()
    await cluster.start(wait=False)
    futures = cluster.publish_many([Message(b'')] * 5)
    with pytest.raises(TimeoutError, match='5 messages are not confirmed'):
        await cluster.wait_for_confirms(0.01)
    for future in futures:
        future.cancel()
    await cluster.shutdown()


# -- transactions


async def test_a_transaction_publishes_all_or_nothing(node: NodeDefinition) -> None:
    async with cluster_with(node, 'q') as cluster:
        async with cluster.transaction(timeout=30) as tx:
            tx.publish(Message(b'1'), routing_key='q')
            tx.publish(Message(b'2'), routing_key='q')
            assert await soon(cluster.get('q', no_ack=True)) is None
        with suppress(ZeroDivisionError):
            async with cluster.transaction() as tx:
                tx.publish(Message(b'3'), routing_key='q')
                raise ZeroDivisionError
        async with cluster.transaction():
            pass

        assert await content_of(cluster, 'q') == [b'1', b'2']


async def test_a_commit_that_takes_too_long_is_told() -> None:
    cluster = offline()
    await cluster.start(wait=False)
    with pytest.raises(TimeoutError, match='has not answered'):
        async with cluster.transaction(timeout=0.01) as tx:
            tx.publish(Message(b'1'), routing_key='q')
    await cluster.shutdown()


async def test_a_callback_may_await_its_own_publishes(node: NodeDefinition) -> None:
    async with cluster_with(node, 'in') as cluster:
        await soon(cluster.declare(Queue('out', durable=True)))
        done = Collector()

        async def pass_on(message: Any) -> None:
            await cluster.publish(Message(message.body), routing_key='out', confirm=True)
            message.ack()

        queue = Queue('in', durable=True)
        await soon(cluster.consume(queue, pass_on, no_ack=False, prefetch=10)[1])
        await soon(cluster.consume(Queue('out', durable=True), done)[1])
        await fill(cluster, 'in', 200)
        await done.wait_for(200)
        assert numbers(done.bodies) == list(range(200))
