"""CoolAMQP 2.x: messages by their headers."""

import sys

from coolamqp.argumentify import argumentify
from coolamqp.clustering import Cluster, MessageReceived
from coolamqp.objects import Exchange, Message, NodeDefinition, Queue

cluster = Cluster(NodeDefinition(sys.argv[1]))
cluster.start()

shapes = Exchange('shapes', 'headers', durable=False, auto_delete=True)
red_circles = Queue(
    'red circles',
    exclusive=True,
    auto_delete=True,
    exchange=shapes,
    arguments_bind={'x-match': 'all', 'colour': 'red', 'shape': 'circle'},
)
cluster.consume(red_circles)[1].result()

for colour in ('red', 'blue'):
    for shape in ('circle', 'square'):
        headers = argumentify({'colour': colour, 'shape': shape})
        cluster.publish(Message(b'', {'headers': headers}), shapes, confirm=True).result()

event = cluster.drain(10)
assert isinstance(event, MessageReceived)
for name, (value, kind) in event.properties.headers:
    assert kind == 'S'
    print(f'{name.tobytes().decode()}: {value.tobytes().decode()}')
print(type(cluster.drain(0)).__name__)

cluster.shutdown()
