"""CoolAMQP 1.x: a Consumer of one's own, which is told of what becomes of it."""

import sys
import threading

from coolamqp.attaches import BodyReceiveMode, Consumer
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, NodeDefinition, Queue

came = threading.Event()
told = []


class TellingConsumer(Consumer):
    def __init__(self, *args, **kwargs):
        super(TellingConsumer, self).__init__(*args, **kwargs)
        self.operational = threading.Event()

    def on_operational(self, operational):
        super(TellingConsumer, self).on_operational(operational)
        told.append('operational' if operational else 'not operational')
        self.operational.set()

    def on_close(self, payload=None):
        super(TellingConsumer, self).on_close(payload)
        told.append('closed')

    def on_delivery(self, sth):
        super(TellingConsumer, self).on_delivery(sth)
        told.append(type(sth).__name__)


def on_message(message):
    told.append(b''.join(bytes(piece) for piece in message.body).decode('ascii'))
    message.ack()
    came.set()


cluster = Cluster([NodeDefinition(sys.argv[1])])
cluster.start(wait=True)

queue = Queue(b'telling', auto_delete=True)
consumer = TellingConsumer(
    queue, on_message, False, 10, False, None, False, BodyReceiveMode.LIST_OF_MEMORYVIEW
)
consumer.on_cancel.add(lambda: told.append('cancelled'))
cluster.attache_group.add(consumer)
consumer.operational.wait(10)

cluster.publish(Message(b'hello'), routing_key=b'telling', confirm=True).result()
came.wait(10)
consumer.cancel().result()
cluster.shutdown(wait=True)

print(sorted(told[1:5]))
print(told[0], told.count('operational'), told.count('not operational'), told.count('closed'))
print('cancelled' in told)
