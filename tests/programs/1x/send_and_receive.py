"""CoolAMQP 1.x: send messages to a queue with publisher confirms, and drain them again."""

import sys

from coolamqp.clustering import Cluster, MessageReceived, NothingMuch
from coolamqp.objects import Message, MessageProperties, NodeDefinition, Queue

node = NodeDefinition(sys.argv[1], hearbeat=20)  # as the documentation spelt it
cluster = Cluster([node])
cluster.start(wait=True)

queue = Queue(b'tasks', durable=True)
cluster.declare(queue, persistent=True).result()

plain_text = MessageProperties.typize('content_type', 'delivery_mode')
for number in range(3):
    message = Message(b'task %d' % number, properties=plain_text(b'text/plain', 2))
    cluster.publish(message, routing_key=b'tasks', tx=True).result()
cluster.publish(Message(b'the last'), b'', b'tasks', None, True).result()

consumer, consuming = cluster.consume(queue, no_ack=False, qos=(None, 2))
consuming.result()

received = 0
while received < 4:
    event = cluster.drain(timeout=10)
    if isinstance(event, NothingMuch):
        sys.exit('nothing came in ten seconds')
    if isinstance(event, MessageReceived):
        assert event.routing_key == b'tasks'
        print(event.body.decode('utf8'), event.properties.get('content_type'))
        event.ack()
        received += 1

consumer.cancel().result()
cluster.delete_queue(queue).result()
cluster.shutdown(wait=True)
