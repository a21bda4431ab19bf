"""Connection strings, row by row as RabbitMQ specifies them, and what is none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolamqp.objects import NodeDefinition
from coolamqp.objects.connection_string import parse_connection_string


def parse(text: str) -> dict[str, Any]:
    """Take apart a string with one host and without TLS."""
    (values,) = parse_connection_string(text)
    assert values.pop('tls') is False
    return values


# Appendix A of https://www.rabbitmq.com/docs/uri-spec: string, user, password, host, port, virtual
# host; None is absent.
TABLE = [
    ('amqp://user:pass@host:10000/vhost', 'user', 'pass', 'host', 10000, 'vhost'),
    (
        'amqp://user%61:%61pass@ho%61st:10000/v%2fhost',
        'usera', 'apass', 'hoast', 10000, 'v/host',
    ),
    ('amqp://', None, None, None, None, None),
    # By the specification the virtual host of these is empty. Ours is the default one, "/", since
    # programs for 1.x and 2.x write an empty path and mean that.
    ('amqp://:@/', '', '', None, None, None),
    ('amqp://host/', None, None, 'host', None, None),
    # From here on as specified again.
    ('amqp://user@', 'user', None, None, None, None),
    ('amqp://user:pass@', 'user', 'pass', None, None, None),
    ('amqp://host', None, None, 'host', None, None),
    ('amqp://:10000', None, None, None, 10000, None),
    ('amqp:///vhost', None, None, None, None, 'vhost'),
    ('amqp://host/%2f', None, None, 'host', None, '/'),
    ('amqp://[::1]', None, None, '::1', None, None),
]  # fmt: skip


@pytest.mark.parametrize('row', TABLE, ids=lambda row: row[0])
def test_the_examples_of_the_specification(row: tuple[Any, ...]) -> None:
    names = ('user', 'password', 'host', 'port', 'virtual_host')
    given = {name: value for name, value in zip(names, row[1:], strict=True) if value is not None}
    assert parse(row[0]) == given


@pytest.mark.parametrize('row', TABLE, ids=lambda row: row[0])
def test_a_node_takes_from_the_keywords_what_the_examples_lack(row: tuple[Any, ...]) -> None:
    given = parse(row[0])
    missing = {name: name for name in ('host', 'user', 'password') if name not in given}
    node = NodeDefinition(row[0], **missing)
    assert node.virtual_host == (row[5] or '/')
    assert node.port == (row[4] or 5672)
    for name in missing:
        assert getattr(node, name) == name
    if len(missing) == 1 or 'host' in missing:  # without a login, it is that of the guest
        name = next(iter(missing))
        with pytest.raises(ValueError, match=f'needs a {name}'):
            NodeDefinition(row[0])


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('AMQP://h', {'host': 'h'}),
        ('amqp://h?', {'host': 'h'}),
        ('amqp://h:', {'host': 'h'}),
        ('amqp://[::1]:/v', {'host': '::1', 'virtual_host': 'v'}),
        ('amqp://[fe80::1%25eth0]:7', {'host': 'fe80::1%eth0', 'port': 7}),
        ('amqp://u:p@ss@h', {'user': 'u', 'password': 'p@ss', 'host': 'h'}),
        ('amqp://u:100%:50%4x%40@h', {'user': 'u', 'password': '100%:50%4x@', 'host': 'h'}),
        ('amqp://h//', {'host': 'h', 'virtual_host': '/'}),
        ('amqp://u:p:q@h', {'user': 'u', 'password': 'p:q', 'host': 'h'}),
        ('amqp://u:a+b%2B@h', {'user': 'u', 'password': 'a+b+', 'host': 'h'}),
        ('amqp://%C5%BC:%F0%9F%90%87@h/%C3%A9', {
            'user': 'ż', 'password': '🐇', 'host': 'h', 'virtual_host': 'é',
        }),
        ('amqp://h/v@w', {'host': 'h', 'virtual_host': 'v@w'}),
        # The examples of https://www.rabbitmq.com/docs/uri-query-parameters
        ('amqp://myhost?heartbeat=5&connection_timeout=10000', {
            'host': 'myhost', 'heartbeat': 5, 'connection_timeout': 10.0,
        }),
        ('amqp://h?auth_mechanism=plain&auth_mechanism=amqplain', {
            'host': 'h', 'auth_mechanism': ['plain', 'amqplain'],
        }),
        ('amqp://h/v?channel_max=0&heartbeat=0&connection_timeout=1', {
            'host': 'h', 'virtual_host': 'v', 'channel_max': 0, 'heartbeat': 0,
            'connection_timeout': 0.001,
        }),
        ('amqp://h?cacertfile=a%26b+c.pem', {'host': 'h', 'cacertfile': 'a&b+c.pem'}),
    ],
)  # fmt: skip
def test_what_a_string_means(text: str, expected: dict[str, Any]) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize('verify', ['verify_peer', 'verify_none'])
def test_every_parameter_of_tls(verify: str) -> None:
    text = (
        'amqps://myhost?cacertfile=/path/to/ca_certificate.pem'
        '&certfile=/path/to/client_certificate.pem&keyfile=/path/to/client_key.pem'
        f'&verify={verify}&server_name_indication=other&password=of%20the%20key'
    )
    assert parse_connection_string(text) == [
        {
            'tls': True,
            'host': 'myhost',
            'cacertfile': '/path/to/ca_certificate.pem',
            'certfile': '/path/to/client_certificate.pem',
            'keyfile': '/path/to/client_key.pem',
            'key_password': 'of the key',
            'verify': verify,
            'server_name_indication': 'other',
        }
    ]


def test_several_hosts() -> None:
    found = parse_connection_string('amqp://u:p,q@a:5672,b:5673,[::1]/vh')
    assert [(values['host'], values.get('port')) for values in found] == [
        ('a', 5672),
        ('b', 5673),
        ('::1', None),
    ]
    assert {values['password'] for values in found} == {'p,q'}
    assert {values['virtual_host'] for values in found} == {'vh'}


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('', 'looks like amqp://'),
        ('h', 'looks like amqp://'),
        ('amqp:h', 'looks like amqp://'),
        ('http://u:secret@h', 'looks like amqp://'),
        ('amqp://u:secret@h#x', 'is written %23'),
        ('amqp://u:secret#x@h', 'is written %23'),
        ('amqp://u:secret@h:0', 'the port'),
        ('amqp://u:secret@h:65536', 'the port'),
        ('amqp://u:secret@h:\u0665', 'the port'),
        ('amqp://u:secret/x@h', 'the port'),
        ('amqp://u:31415926/secret@h', 'the port'),
        ('amqp://u:secret@h ost', 'the host is neither'),
        ('amqp://u:secret@h%2Fost', 'the host is neither'),
        ('amqp://u:secret@h%00ost', 'the host is neither'),
        ('amqp://u:secret@::1', 'the port .* in brackets'),
        ('amqp://u:secret@[::g]', 'no IPv6 address'),
        ('amqp://u:secret@[::1]x', 'the host'),
        ('amqp://u:secret@h/a/b', 'is written %2F'),
        ('amqp://u:12/secret@h/v', 'is written %2F'),
        ('amqp://u:secret@h//v', 'is written %2F'),
        ('amqp://u:secret@h/50%', 'is written %25'),
        ('amqp://u%FF:secret@h', 'the user must be percent-encoded UTF-8'),
        ('amqp://u:secret@h/%zz', 'the virtual host has'),
        ('amqp://u:12?secret@h/v', 'no such parameter; it has heartbeat, connection_timeout'),
        ('amqp://h?heartbeats=5', "no 'heartbeats'; it has heartbeat"),
        ('amqp://h?heartbeat=5&heartbeat=5', 'heartbeat occurs twice; only auth_mechanism'),
        ('amqp://h?heartbeat', 'heartbeat must be a whole number of seconds from 0 to 65535'),
        ('amqp://h?heartbeat=1.5', "not '1.5'"),
        ('amqp://h?heartbeat=65536', "not '65536'"),
        ('amqp://h?heartbeat=1000000000000', 'heartbeat must be'),
        ('amqp://h?heartbeat=%D9%A5', 'heartbeat must be'),
        ('amqp://h?channel_max=-1', 'channel_max must be a whole number from 0 to 65535'),
        ('amqp://h?connection_timeout=0', 'of milliseconds from 1 to 3600000'),
        ('amqp://h?connection_timeout=infinity', 'of milliseconds'),
        ('amqps://h?cacertfile=', 'cacertfile is empty'),
        ('amqps://h?keyfile=%zz', 'parameter keyfile has a "%"'),
    ],
)
def test_what_is_no_connection_string(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as raised:
        parse_connection_string(text)
    assert 'secret' not in str(raised.value)
    assert '31415926' not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


@pytest.mark.parametrize(
    ('parameter', 'name'),
    [
        ('cacertfile=a', 'cacertfile'),
        ('certfile=a', 'certfile'),
        ('verify=verify_none', 'verify'),
        ('server_name_indication=disable', 'server_name_indication'),
        ('password=secret', 'key_password'),
    ],
)
def test_a_parameter_of_tls_needs_amqps(parameter: str, name: str) -> None:
    with pytest.raises(ValueError, match=f'{name} is for TLS; say amqps://') as raised:
        NodeDefinition(f'amqp://u:p@h?{parameter}')
    assert 'secret' not in str(raised.value)


@given(st.text(min_size=1), st.text(), st.text())
def test_what_is_percent_encoded_comes_out_as_it_was(user: str, word: str, path: str) -> None:
    def encode(text: str) -> str:
        return ''.join(f'%{octet:02X}' for octet in text.encode('utf-8'))

    values = parse(f'amqp://{encode(user)}:{encode(word)}@h/{encode(path)}')
    assert values == {
        'host': 'h',
        'user': user,
        'password': word,
        **({'virtual_host': path} if path else {}),
    }
