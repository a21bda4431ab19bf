"""The program that tries an installed wheel: `trial.py VERSION compiled`, or `pure`.

It runs in an environment that has only the wheel and what the wheel needs.
"""

from __future__ import annotations

import asyncio
import sys

import coolamqp
from coolamqp import aio
from coolamqp.broker import Broker
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue


def main(version: str, form: str) -> None:
    """Publish and consume with threads and with asyncio, and report success."""
    if coolamqp.__version__ != version:
        sys.exit(f'this is version {coolamqp.__version__}')
    if coolamqp.compiled is not (form == 'compiled'):
        sys.exit(f'this is not the {form} form: coolamqp.compiled is {coolamqp.compiled}')
    with Broker() as broker:
        with_threads(broker.url)
        asyncio.run(with_asyncio(broker.url))
    python = '.'.join(map(str, sys.version_info[:3]))
    print(f'Python {python}, {form}: published and consumed')


def with_threads(url: str) -> None:
    """Publish a message and consume it, with threads."""
    with Cluster(url) as cluster:
        cluster.declare(Queue('trial')).result(10)
        cluster.publish(Message(b'hello'), routing_key='trial', confirm=True).result(10)
        expect(next(iter(cluster.messages('trial', timeout=10))).body)


async def with_asyncio(url: str) -> None:
    """Publish a message and consume it, with asyncio."""
    async with aio.Cluster(url) as cluster:
        await cluster.declare(Queue('trial'))
        await cluster.publish(Message(b'hello'), routing_key='trial', confirm=True)
        async for message in cluster.messages('trial', timeout=10, no_ack=True):
            expect(message.body)
            break


def expect(body: object) -> None:
    """End the trial if this is not the message that was published."""
    if body != b'hello':
        sys.exit(f'received {body!r} and not the message')


if __name__ == '__main__':
    main(*sys.argv[1:])
