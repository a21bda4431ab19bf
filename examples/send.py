"""Send a message to the queue "greetings", and wait for its confirm.

python examples/send.py [AMQP_URL]
"""

import sys

from coolamqp.clustering import Cluster
from coolamqp.objects import Message, NodeDefinition, Queue

url = sys.argv[1] if len(sys.argv) > 1 else 'amqp://guest:guest@localhost/'

with Cluster(NodeDefinition(url)) as cluster:
    cluster.declare(Queue('greetings', durable=True)).result(timeout=10)
    message = Message(b'hello', delivery_mode=2)  # 2: RabbitMQ stores it on disk
    cluster.publish(message, routing_key='greetings', confirm=True).result(timeout=10)
    print('RabbitMQ has it')
