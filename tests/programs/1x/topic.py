"""CoolAMQP 1.x: messages by the pattern of their routing key."""

import sys

from coolamqp.clustering import Cluster, MessageReceived
from coolamqp.objects import Exchange, Message, NodeDefinition, Queue, QueueBind

cluster = Cluster([NodeDefinition(sys.argv[1])])
cluster.start(wait=True)

logs = Exchange('logs', type=b'topic', durable=False, auto_delete=True)
errors = Queue(b'errors', auto_delete=True)
cluster.declare(logs).result()
cluster.consume(errors, None, False)[1].result()
cluster.bind(errors, logs, b'*.error').result()
cluster.declare(QueueBind(errors, logs, b'kernel.#')).result()

for key in (b'mail.info', b'mail.error', b'kernel.info', b'kernel.disk.full'):
    cluster.publish(Message(b'it was ' + key), logs, key, confirm=True).result()

for _ in range(3):
    event = cluster.drain(timeout=10)
    assert isinstance(event, MessageReceived)
    assert event.body == b'it was ' + event.routing_key
    print(event.routing_key.decode('ascii'))
    event.ack()

cluster.shutdown()
