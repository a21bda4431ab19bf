"""An embedded AMQP 0-9-1 broker that behaves as RabbitMQ does, for demos, tests and small tools."""

from coolamqp.broker.embedded import Broker
from coolamqp.broker.views import ConnectionView, QueueCounts, QueueView, SeenMessage

__all__ = ['Broker', 'ConnectionView', 'QueueCounts', 'QueueView', 'SeenMessage']
