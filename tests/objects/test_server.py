"""What a broker says of itself."""

from __future__ import annotations

from coolamqp.framing.definitions import ConnectionStart
from coolamqp.framing.text import ReceivedBytes
from coolamqp.objects import ServerProperties


def test_server_properties() -> None:
    table = [(b'product', (ReceivedBytes(b'RabbitMQ'), 'S')), (b'version', (b'4.0', 'S'))]
    start = ConnectionStart(0, 9, table, b'PLAIN AMQPLAIN', b'en_US \xff')
    properties = ServerProperties(start)
    assert properties.version == (0, 9)
    assert properties.properties == {'product': 'RabbitMQ', 'version': '4.0'}
    assert all(isinstance(name, str) for name in properties.properties)
    assert properties.mechanisms == ['PLAIN', 'AMQPLAIN']
    assert properties.locales == 'en_US \\xff'
    assert repr(properties) == '<ServerProperties of RabbitMQ 4.0>'
