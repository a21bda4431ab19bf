"""CoolAMQP 2.x: messages by the pattern of their routing key."""

import sys

from coolamqp.argumentify import toutf8
from coolamqp.clustering import Cluster, MessageReceived
from coolamqp.objects import Exchange, Message, NodeDefinition, Queue, QueueBind

cluster = Cluster(NodeDefinition(sys.argv[1]))
cluster.start()

logs = Exchange('logs', 'topic', durable=False, auto_delete=True)
errors = Queue('errors', exclusive=True, auto_delete=True)
cluster.declare(logs, None, True).result()
cluster.consume(errors, None, None, False, no_ack=False)[1].result()
cluster.bind(errors, logs, '*.error', None, False).result()
cluster.declare(QueueBind(errors, logs, 'kernel.#')).result()

for key in ('mail.info', 'mail.error', 'kernel.info', 'kernel.disk.full'):
    cluster.publish(Message(b'it was ' + key.encode()), logs, key, True, None, True).result()

for _ in range(3):
    event = cluster.drain(10)
    assert isinstance(event, MessageReceived)
    assert event.body == b'it was ' + event.routing_key.tobytes()
    print(toutf8(event.routing_key))
    event.ack()

cluster.shutdown()
