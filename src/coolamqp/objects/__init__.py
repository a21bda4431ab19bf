"""The objects that programs pass to a Cluster and receive from it.

Plain objects: nodes, exchanges, queues, bindings, messages. They know the wire only because the
properties of a message are an object of the wire; they know nothing of connections or threads.
Programs for CoolAMQP 2.x find here some names that are not in `__all__`.
"""

from coolamqp.argumentify import argumentify as argumentify
from coolamqp.argumentify import tobytes as tobytes
from coolamqp.argumentify import toutf8 as toutf8
from coolamqp.framing.properties import BasicContentPropertyList as BasicContentPropertyList
from coolamqp.framing.properties import BasicContentPropertyList as MessageProperties
from coolamqp.framing.properties import ReceivedProperties
from coolamqp.objects.callables import Callable
from coolamqp.objects.message import Message, ReceivedMessage
from coolamqp.objects.node import NodeDefinition
from coolamqp.objects.server import ServerProperties
from coolamqp.objects.topology import Exchange, ExchangeBind, Queue, QueueBind

__all__ = [
    'Callable',
    'Exchange',
    'ExchangeBind',
    'Message',
    'MessageProperties',
    'NodeDefinition',
    'Queue',
    'QueueBind',
    'ReceivedMessage',
    'ReceivedProperties',
    'ServerProperties',
]
