"""Send a message to the queue "greetings" with asyncio, and wait for its confirm.

python examples/aio_send.py [AMQP_URL]
"""

import asyncio
import sys

from coolamqp.aio import Cluster
from coolamqp.objects import Message, Queue

url = sys.argv[1] if len(sys.argv) > 1 else 'amqp://guest:guest@localhost/'


async def main() -> None:
    """Connect, send, and disconnect."""
    async with Cluster(url) as cluster:
        await cluster.declare(Queue('greetings', durable=True))
        message = Message(b'hello', delivery_mode=2)  # 2: RabbitMQ stores it on disk
        await cluster.publish(message, routing_key='greetings', confirm=True)
        print('RabbitMQ has it')


asyncio.run(main())
