"""CoolAMQP 2.x: a queue that the broker names, for answers to a request."""

import sys
import threading

from coolamqp.clustering import Cluster
from coolamqp.objects import Message, MessageProperties, NodeDefinition, Queue

cluster = Cluster(NodeDefinition(sys.argv[1]))
cluster.start()


def serve(request):
    properties = MessageProperties(correlation_id=request.properties.correlation_id.tobytes())
    answer = Message(request.body.upper(), properties)
    cluster.publish(answer, routing_key=request.properties.reply_to.tobytes())
    request.ack()


def take(answer):
    print(answer.properties.correlation_id.tobytes().decode(), answer.body.decode())
    answered.set()


answered = threading.Event()
requests = Queue('requests', exclusive=True, auto_delete=True)
cluster.consume(requests, serve, no_ack=False)[1].result()
answers = Queue(None)
consumer, consuming = cluster.consume(answers, take)
consuming.result()
assert answers.anonymous
assert answers.exclusive
assert answers.auto_delete

properties = MessageProperties(reply_to=answers.name, correlation_id='17')
cluster.publish(Message(b'shout', properties), routing_key='requests', confirm=True).result()
answered.wait(10)

cluster.shutdown()
