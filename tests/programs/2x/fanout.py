"""CoolAMQP 2.x: one message to many queues."""

import sys
import threading

from coolamqp.attaches import BodyReceiveMode
from coolamqp.clustering import Cluster
from coolamqp.objects import Exchange, Message, NodeDefinition, Queue

cluster = Cluster(NodeDefinition(sys.argv[1]))
cluster.start()

news = Exchange('news', 'fanout', durable=False, auto_delete=True)
came = []
all_came = threading.Event()


def reader(name):
    def on_message(message):
        assert message.exchange_name.tobytes() == b'news'
        assert isinstance(message.body, memoryview)
        came.append(f'{name} read {message.body.tobytes().decode()}')
        if len(came) == 3:
            all_came.set()

    return on_message


for name in ('Anna', 'Bert', 'Carl'):
    queue = Queue(exchange=news)
    consumer, future = cluster.consume(
        queue, reader(name), body_receive_mode=BodyReceiveMode.MEMORYVIEW
    )
    future.result()

cluster.publish(Message(b'the paper'), news, confirm=True).result()
all_came.wait(10)
print('\n'.join(sorted(came)))

cluster.shutdown()
