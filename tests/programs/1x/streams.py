"""CoolAMQP 1.x: a stream, which can be read again from wherever one likes."""

import sys

from coolamqp.attaches import Consumer
from coolamqp.clustering import Cluster, MessageReceived
from coolamqp.objects import Message, NodeDefinition, Queue

cluster = Cluster([NodeDefinition(sys.argv[1])])
cluster.start(wait=True)

events = Queue(b'events', durable=True, arguments={b'x-queue-type': b'stream'})
cluster.declare(events).result()
for number in range(5):
    cluster.publish(Message(b'event %d' % number), routing_key=b'events', confirm=True).result()


def read(offset, count):
    consumer, consuming = cluster.consume(
        events, no_ack=False, qos=10, arguments={b'x-stream-offset': offset}
    )
    assert isinstance(consumer, Consumer)
    consuming.result()
    bodies = []
    while len(bodies) < count:
        event = cluster.drain(timeout=10)
        assert isinstance(event, MessageReceived)
        bodies.append(event.body.decode('ascii'))
        event.ack()
    consumer.cancel().result()
    print('%s: %s' % (offset, ', '.join(bodies)))


read('first', 5)
read(3, 2)

cluster.delete_queue(events).result()
cluster.shutdown()
