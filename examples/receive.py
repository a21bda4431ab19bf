"""Receive one message from the queue "greetings", and acknowledge it.

python examples/receive.py [AMQP_URL]
"""

import sys

from coolamqp.clustering import Cluster, MessageReceived
from coolamqp.objects import NodeDefinition, Queue

url = sys.argv[1] if len(sys.argv) > 1 else 'amqp://guest:guest@localhost/'

with Cluster(NodeDefinition(url)) as cluster:
    _, consuming = cluster.consume(Queue('greetings', durable=True), no_ack=False)
    consuming.result(timeout=10)
    event = cluster.drain(timeout=30)
    if isinstance(event, MessageReceived):
        print(event.body.decode())
        event.ack()
    else:
        print('nothing came in 30 seconds')
