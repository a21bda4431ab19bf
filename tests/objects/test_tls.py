"""The settings of a node for TLS."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from coolamqp.objects import NodeDefinition
from coolamqp.objects.tls import TLSSettings

CONTEXT = ssl.create_default_context()


def test_without_tls() -> None:
    assert NodeDefinition('h', 'u', 'p').tls is None
    assert NodeDefinition('amqp://u:p@h').tls is None
    node = NodeDefinition('amqps://u:p@h', tls=False)
    assert (node.tls, node.port) == (None, 5672)


@pytest.mark.parametrize(
    ('given', 'options', 'expected'),
    [
        (('amqps://u:p@h',), {}, TLSSettings()),
        (('amqp://u:p@h',), {'tls': True}, TLSSettings()),
        (('h', 'u', 'p'), {'tls': True}, TLSSettings()),
        (('h', 'u', 'p'), {'cacertfile': Path('ca.pem')}, TLSSettings('ca.pem')),
        (('h', 'u', 'p'), {'ssl_context': CONTEXT}, TLSSettings(ssl_context=CONTEXT)),
        (('h', 'u', 'p'), {'verify': 'verify_none'}, TLSSettings(verify='verify_none')),
        (('amqps://u:p@h?cacertfile=a&verify=verify_none',), {'cacertfile': 'b'},
         TLSSettings('b', verify='verify_none')),
        (('amqps://u:p@h',), {'certfile': 'c', 'keyfile': 'k', 'key_password': 'w'},
         TLSSettings(None, 'c', 'k', 'w')),
    ],
)  # fmt: skip
def test_with_tls(given: Any, options: dict[str, Any], expected: TLSSettings) -> None:
    node = NodeDefinition(*given, **options)
    assert node.tls == expected
    assert node.port == 5671
    assert node != NodeDefinition('h', 'u', 'p', port=5671)


def test_only_disable_ceases_to_check_the_name() -> None:
    assert TLSSettings().checks_name
    assert TLSSettings(server_name_indication='other').checks_name
    assert not TLSSettings(server_name_indication='disable').checks_name
