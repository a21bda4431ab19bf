"""What lives on a channel (floor 3): publishers, consumers and the declarer, sans-I/O.

Each is attached to a connection when there is one, and takes itself up again on the next. The names
that programs use are `Consumer` and `BodyReceiveMode`; a Cluster makes the others.
"""

from coolamqp.attaches.consumer import Consumer
from coolamqp.attaches.consumer_options import BodyReceiveMode
from coolamqp.compat import AttacheGroup, Declarer, Publisher

__all__ = ['AttacheGroup', 'BodyReceiveMode', 'Consumer', 'Declarer', 'Publisher']
