"""CoolAMQP 2.x: look at the frames that go over the connection."""

import logging
import sys

from coolamqp.clustering import Cluster
from coolamqp.framing.definitions import BasicPublish, ConnectionStart
from coolamqp.framing.frames import AMQPHeartbeatFrame, AMQPMethodFrame
from coolamqp.objects import Message, NodeDefinition
from coolamqp.tracing import BaseFrameTracer, HoldingFrameTracer, LoggingFrameTracer


class PrintingTracer(BaseFrameTracer):
    def on_frame(self, timestamp, frame, direction):
        if isinstance(frame, AMQPHeartbeatFrame):
            return
        if isinstance(frame, AMQPMethodFrame) and isinstance(frame.payload, ConnectionStart):
            assert b'PLAIN' in frame.payload.mechanisms.tobytes()
            print(f'{direction}: {frame.payload.NAME}')


holding = HoldingFrameTracer()
logging.basicConfig(stream=sys.stdout, format='%(levelname)s', level=logging.ERROR)
quiet = LoggingFrameTracer(log_level=logging.INFO)

for tracer in (PrintingTracer(), holding, quiet):
    cluster = Cluster(NodeDefinition(sys.argv[1]), log_frames=tracer)
    cluster.start()
    cluster.publish(Message(b'traced'), routing_key=b'nowhere', confirm=True).result()
    cluster.shutdown()

for direction, _, frame in holding.frames:
    if isinstance(frame, AMQPMethodFrame) and isinstance(frame.payload, BasicPublish):
        print(f'{direction}: {frame.payload.NAME} to {bytes(frame.payload.routing_key)}')
holding.clear()
assert holding.frames == []
