"""CoolAMQP 1.x: messages by their headers."""

import sys

from coolamqp.clustering import Cluster, MessageReceived
from coolamqp.objects import Exchange, Message, MessageProperties, NodeDefinition, Queue

cluster = Cluster([NodeDefinition(sys.argv[1])])
cluster.start(wait=True)

shapes = Exchange('shapes', type=b'headers', durable=False, auto_delete=True)
red_circles = Queue(
    b'red circles',
    auto_delete=True,
    exchange=shapes,
    arguments_bind={b'x-match': b'all', b'colour': b'red', b'shape': b'circle'},
)
cluster.consume(red_circles, no_ack=True)[1].result()

for colour in (b'red', b'blue'):
    for shape in (b'circle', b'square'):
        properties = MessageProperties(headers={b'colour': colour, b'shape': shape})
        cluster.publish(Message(b'', properties), shapes, confirm=True).result()

event = cluster.drain(timeout=10)
assert isinstance(event, MessageReceived)
for name, (value, kind) in event.properties.headers:
    assert kind == 'S'
    print('%s: %s' % (name.decode('utf8'), value.decode('utf8')))
print(type(cluster.drain(timeout=0)).__name__)

cluster.shutdown()
