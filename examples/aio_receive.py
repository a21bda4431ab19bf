"""Receive one message from the queue "greetings" with asyncio, and acknowledge it.

python examples/aio_receive.py [AMQP_URL]
"""

import asyncio
import sys

from coolamqp.aio import Cluster
from coolamqp.objects import Queue

url = sys.argv[1] if len(sys.argv) > 1 else 'amqp://guest:guest@localhost/'


async def main() -> None:
    """Connect, wait for a message, and disconnect."""
    greetings = Queue('greetings', durable=True)
    async with Cluster(url) as cluster, cluster.messages(greetings, timeout=30) as messages:
        async for message in messages:
            print(message.text())
            message.ack()
            return
        print('nothing came in 30 seconds')


asyncio.run(main())
