"""A broker in the box: RabbitMQ's behaviour in this process, for demos, tests and small tools."""

from coolamqp.broker.embedded import Broker
from coolamqp.broker.views import ConnectionView, QueueView, SeenMessage

__all__ = ['Broker', 'ConnectionView', 'QueueView', 'SeenMessage']
