"""A transport for Kombu and Celery, which drives one connection of `uplink`.

It needs the extra `kombu`. Import this package, and Kombu knows `coolamqp://` and `coolamqps://`.
Kombu owns the recovery: an error ends a connection, and Kombu makes the next one.
"""

from kombu.transport import TRANSPORT_ALIASES

from coolamqp.kombu.transport import TLSTransport, Transport

__all__ = ['TLSTransport', 'Transport']

TRANSPORT_ALIASES['coolamqp'] = 'coolamqp.kombu:Transport'
TRANSPORT_ALIASES['coolamqps'] = 'coolamqp.kombu:TLSTransport'
