"""CoolAMQP 2.x: a stream, which can be read again from wherever one likes."""

import sys

from coolamqp.clustering import Cluster, MessageReceived
from coolamqp.objects import Message, NodeDefinition, Queue

cluster = Cluster(NodeDefinition(sys.argv[1]))
cluster.start()

events = Queue(
    'events',
    durable=True,
    exclusive=False,
    auto_delete=False,
    arguments={'x-queue-type': 'stream'},
)
cluster.declare(events).result()
for number in range(5):
    cluster.publish(Message(b'event %d' % number), routing_key='events', confirm=True).result()


def read(offset, count):
    consumer, consuming = cluster.consume(
        events, no_ack=False, qos=10, arguments={'x-stream-offset': offset}
    )
    consuming.result()
    bodies = []
    while len(bodies) < count:
        event = cluster.drain(10)
        assert isinstance(event, MessageReceived)
        bodies.append(event.body.decode())
        event.ack()
    consumer.cancel().result()
    print(f'{offset}: {", ".join(bodies)}')


read('first', 5)
read(3, 2)

cluster.delete_queue(events).result()
cluster.shutdown()
