"""CoolAMQP 2.x: a Consumer of one's own, which is told of what becomes of it."""

import sys
import threading

from coolamqp.attaches import Consumer
from coolamqp.clustering import Cluster
from coolamqp.framing.definitions import BasicConsumeOk
from coolamqp.objects import Message, NodeDefinition, Queue

came = threading.Event()
told = []


class TellingConsumer(Consumer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.operational = threading.Event()

    def on_operational(self, operational):
        super().on_operational(operational)
        told.append('operational' if operational else 'not operational')
        self.operational.set()

    def on_close(self, payload=None):
        super().on_close(payload)
        told.append('closed')

    def on_delivery(self, frame):
        super().on_delivery(frame)
        told.append(type(frame).__name__)

    def on_setup(self, payload):
        super().on_setup(payload)
        if isinstance(payload, BasicConsumeOk):
            told.append('set up')


def on_message(message):
    told.append(message.body.decode())
    message.ack()
    came.set()


cluster = Cluster(NodeDefinition(sys.argv[1]))
cluster.start()

queue = Queue('telling', exclusive=True, auto_delete=True)
consumer = TellingConsumer(queue, on_message, None, False, 10)
consumer.on_cancel.add(lambda: told.append('cancelled'))
cluster.attache_group.add(consumer)
consumer.operational.wait(10)

cluster.publish(Message(b'hello'), routing_key='telling', confirm=True).result()
came.wait(10)
consumer.cancel().result()
cluster.shutdown()

print(sorted(told[:6]))
print(told.count('operational'), told.count('not operational'), told.count('closed'))
print('cancelled' in told)
