"""The client properties in `connection.start-ok`, which the management UI of RabbitMQ shows."""

from __future__ import annotations

import sys
from typing import Any

import coolamqp
from coolamqp.argumentify import argumentify
from coolamqp.framing.field_table import Arguments

# https://www.rabbitmq.com/docs/connections#capabilities
_CAPABILITIES = {
    'authentication_failure_close': True,
    'basic.nack': True,
    'connection.blocked': True,
    'consumer_cancel_notify': True,
    'exchange_exchange_bindings': True,
    'publisher_confirms': True,
}


def client_properties(name: str, extra: Arguments) -> list[tuple[Any, Any]]:
    """Return the client properties.

    :param name: the name of the connection
    :param extra: the properties of the program, which replace those of CoolAMQP with the same name
    :raises TypeError: a value in `extra` has a type that field tables do not have
    """
    ours = {
        'product': 'CoolAMQP',
        'version': coolamqp.__version__,
        'platform': f'{sys.implementation.name} {sys.version.split()[0]}',
        'information': 'https://github.com/smok-serwis/coolamqp',
        'connection_name': name,
        'capabilities': _CAPABILITIES,
    }
    return list((dict(argumentify(ours)) | dict(argumentify(extra))).items())
