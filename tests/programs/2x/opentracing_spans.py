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
    before = len(tracer.finished_spans())
    cluster.publish(
        Message(b'not traced'), exchange, 'key', confirm=True, span=span, dont_trace=True
    ).result()
    assert isinstance(cluster.drain(10, span=span, dont_trace=True), MessageReceived)
    assert len(tracer.finished_spans()) == before

cluster.shutdown()

finished = tracer.finished_spans()
trace = {each.context.trace_id for each in finished}
print('one trace' if len(trace) == 1 else f'{len(trace)} traces')
for word in ('declare', 'bind', 'consum', 'publish', 'drain'):
    print(word, any(word in each.operation_name.lower() for each in finished))
