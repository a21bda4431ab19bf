"""CoolAMQP: a RabbitMQ client that keeps its connection, its consumers and your messages.

Start at `coolamqp.clustering.Cluster`; the things you hand to it are in `coolamqp.objects`.
"""

__version__ = '3.0.0.dev0'
