"""CoolAMQP 1.x: a queue that the broker names, for answers to a request."""

import sys
import threading

from coolamqp.clustering import Cluster
from coolamqp.objects import Message, MessageProperties, NodeDefinition, Queue

cluster = Cluster([NodeDefinition(sys.argv[1])])
cluster.start(wait=True)


def serve(request):
    properties = MessageProperties(correlation_id=request.properties.correlation_id)
    answer = Message(request.body.upper(), properties)
    cluster.publish(answer, routing_key=request.properties.reply_to)
    request.ack()


def take(answer):
    print(answer.properties.correlation_id.decode('ascii'), answer.body.decode('ascii'))
    answered.set()


answered = threading.Event()
cluster.consume(Queue(b'requests', auto_delete=True), serve, no_ack=False)[1].result()
answers = Queue()
consumer, consuming = cluster.consume(answers, take, no_ack=True)
consuming.result()
assert answers.anonymous
assert answers.name is not None

properties = MessageProperties(reply_to=answers.name, correlation_id=b'17')
cluster.publish(Message(b'shout', properties), routing_key=b'requests', confirm=True).result()
answered.wait(10)

cluster.shutdown()
