"""CoolAMQP 2.x: spans around declare, bind, consume, publish and drain."""

import sys

from opentracing.mocktracer import MockTracer

from coolamqp.clustering import Cluster, MessageReceived
from coolamqp.objects import Exchange, Message, NodeDefinition, Queue

tracer = MockTracer()
cluster = Cluster(NodeDefinition(sys.argv[1]), tracer=tracer)
cluster.start()

exchange = Exchange('traced', 'topic', durable=False, auto_delete=True)
queue = Queue('traced', exclusive=True, auto_delete=True)

with tracer.start_active_span('the whole program') as scope:
    span = scope.span
    cluster.declare(exchange, span=span).result()
    cluster.consume(queue, span=span, no_ack=False)[1].result()
    cluster.bind(queue, exchange, 'key', span=span).result()
    cluster.publish(Message(b'traced'), exchange, 'key', confirm=True, span=span).result()
    event = cluster.drain(10, span=span)
    assert isinstance(event, MessageReceived)
    event.ack()
    cluster.publish(
        Message(b'not traced'), '', 'nowhere', confirm=True, span=span, dont_trace=True
    ).result()

cluster.shutdown()

names = [each.operation_name.lower() for each in tracer.finished_spans()]
for word in ('declare', 'bind', 'consum', 'publish', 'drain'):
    print(word, sum(word in name for name in names))
print('traces:', len({each.context.trace_id for each in tracer.finished_spans()}))
