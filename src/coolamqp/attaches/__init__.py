"""Attaches (floor 3): the users of channels, such as publishers, consumers and the declarer.

All of it is sans-I/O. The engine attaches each of them to the connection. After a reconnect, each
sets itself up on a new channel. Programs use `Consumer`, `Batch` and `BodyReceiveMode`; a Cluster
makes the other objects.
"""

from coolamqp.attaches.batch import Batch
from coolamqp.attaches.consumer import Consumer
from coolamqp.attaches.consumer_options import BodyReceiveMode
from coolamqp.compat import AttacheGroup, Declarer, Publisher

__all__ = ['AttacheGroup', 'Batch', 'BodyReceiveMode', 'Consumer', 'Declarer', 'Publisher']
