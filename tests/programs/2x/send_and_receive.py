"""CoolAMQP 2.x: send messages to a queue with publisher confirms, and drain them again."""

import sys

from coolamqp.clustering import Cluster, MessageReceived, NothingMuch
from coolamqp.objects import Exchange, Message, MessageProperties, NodeDefinition, Queue

cluster = Cluster(NodeDefinition(sys.argv[1], heartbeat=20), name='send and receive')
cluster.start(wait=True, timeout=10)

queue = Queue('tasks', durable=True, exclusive=False, auto_delete=False)
cluster.declare(queue).result()

properties = MessageProperties(content_type='text/plain', delivery_mode=2)
for number in range(3):
    message = Message(b'task %d' % number, properties)
    cluster.publish(message, Exchange.direct, 'tasks', confirm=True).result()
cluster.publish(Message(memoryview(b'the last')), '', 'tasks', True).result()

consumer, consuming = cluster.consume(queue, no_ack=False, qos=2)
consuming.result()

received = 0
while received < 4:
    event = cluster.drain(10)
    if isinstance(event, NothingMuch):
        sys.exit('nothing came in ten seconds')
    if isinstance(event, MessageReceived):
        assert event.routing_key.tobytes() == b'tasks'
        content_type = event.properties.content_type
        print(event.body.decode('utf8'), content_type and content_type.tobytes())
        event.ack()
        received += 1

consumer.cancel().result()
cluster.delete_queue(queue).result()
cluster.shutdown(wait=True)
