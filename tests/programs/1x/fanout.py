"""CoolAMQP 1.x: one message to many queues."""

import sys
import threading

from coolamqp.clustering import Cluster
from coolamqp.objects import Exchange, Message, NodeDefinition, Queue

cluster = Cluster([NodeDefinition(sys.argv[1])])
cluster.start(wait=True)

news = Exchange('news', type=b'fanout', durable=False, auto_delete=True)
came = []
all_came = threading.Event()


class Reader(object):
    def __init__(self, name):
        self.name = name

    def __call__(self, message):
        assert message.exchange_name == b'news'
        came.append('%s read %s' % (self.name, message.body.decode('utf8')))
        if len(came) == 3:
            all_came.set()


for name in ('Anna', 'Bert', 'Carl'):
    queue = Queue('', auto_delete=True, exchange=news)
    consumer, future = cluster.consume(queue, Reader(name), True)
    future.result()

cluster.publish(Message(b'the paper'), exchange=news, routing_key=b'', confirm=True).result()
all_came.wait(10)
for line in sorted(came):
    print(line)

cluster.shutdown()
