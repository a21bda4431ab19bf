"""What we say of ourselves in `connection.start-ok`; RabbitMQ shows it to its operators."""

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
    """Give the client properties, those of the program included.

    :param name: the connection's name
    :param extra: properties of the program; they stand over ours of the same name
    :raises TypeError: `extra` holds a value that no field table can
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
