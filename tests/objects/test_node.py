"""How a node is described, and that its password is never seen."""

from __future__ import annotations

import pickle
import ssl
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolamqp.objects import NodeDefinition
from coolamqp.objects.node import nodes_of

CONTEXT = ssl.create_default_context()


def fields(node: NodeDefinition) -> tuple[Any, ...]:
    """Give all there is to a node."""
    return node.host, node.user, node.password, node.virtual_host, node.port, node.heartbeat


@pytest.mark.parametrize(
    ('args', 'kwargs', 'expected'),
    [
        ((), {'host': 'h', 'user': 'u', 'password': 'p'}, ('h', 'u', 'p', '/', 5672, None)),
        (
            (),
            {'host': 'h', 'user': 'u', 'password': 'p', 'virtual_host': 'v', 'port': 1,
             'heartbeat': 0},
            ('h', 'u', 'p', 'v', 1, 0),
        ),
        (('h', 'u', 'p'), {}, ('h', 'u', 'p', '/', 5672, None)),
        (('h', 'u', 'p', 'v'), {'heartbeat': 5}, ('h', 'u', 'p', 'v', 5672, 5)),
        (('amqp://u:p@h/v',), {}, ('h', 'u', 'p', 'v', 5672, None)),
        ((b'amqp://u:p@h:99/v',), {}, ('h', 'u', 'p', 'v', 99, None)),
        (('amqp://x:y@z:1/w',), {'host': 'h', 'user': 'u', 'password': 'p', 'virtual_host': 'v'},
         ('h', 'u', 'p', 'v', 1, None)),
        (('amqp://u:p@h',), {}, ('h', 'u', 'p', '/', 5672, None)),
        (('amqp://u:p@h/',), {}, ('h', 'u', 'p', '/', 5672, None)),
        (('amqp://h/v',), {'user': 'u', 'password': 'p'}, ('h', 'u', 'p', 'v', 5672, None)),
        (('amqp://u:p@h/v',), {'port': 7, 'user': b'x'}, ('h', 'x', 'p', 'v', 7, None)),
        (('amqp://u:p%40%2F@[::1]:7/%2Fv',), {}, ('::1', 'u', 'p@/', '/v', 7, None)),
        (('h', 'u', ''), {}, ('h', 'u', '', '/', 5672, None)),
        (('amqp://h',), {}, ('h', 'guest', 'guest', '/', 5672, None)),
        (('amqp://h:/v',), {}, ('h', 'guest', 'guest', 'v', 5672, None)),
        ((), {'host': 'h'}, ('h', 'guest', 'guest', '/', 5672, None)),
        (('amqp://:@h',), {}, ('h', '', '', '/', 5672, None)),
    ],
)  # fmt: skip
def test_ways_to_describe_a_node(
    args: Any, kwargs: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    assert fields(NodeDefinition(*args, **kwargs)) == expected


@pytest.mark.parametrize(
    ('args', 'kwargs', 'words'),
    [
        ((), {}, 'needs a host'),
        (('amqp://u@h/v',), {}, 'needs a password'),
        (('amqp://h/v',), {'password': 'secret'}, 'needs a user'),
        (('h', 'u'), {}, 'not by 2 values'),
        (('h', 'u', 'p', 'v', 5672), {}, 'not by 5 values'),
        (('', 'u', 'p'), {}, 'it is empty'),
        (('http://u:secret@h/',), {}, 'looks like amqp://'),
        (('amqp:///v',), {}, 'needs a host'),
        (('h/v', 'u', 'p'), {}, 'the host is neither'),
        (('[h]', 'u', 'p'), {}, 'no IPv6 address'),
        (('a,b', 'u', 'p'), {}, 'the host is neither'),
        (('amqp://u:secret@h:99999/',), {}, 'the port'),
        (('amqp://u:secret@h:port/',), {}, 'the port'),
        (('amqp://u:secret@[::1/',), {}, 'is neither a name nor an IP address'),
        (('amqp://u:secret@h\u2100st/',), {}, 'is neither a name nor an IP address'),
        (('amqp://u:secret@h/v#part',), {}, 'is written %23'),
        (('amqp://u:secret@a,b/v',), {}, r'2 hosts; .*NodeDefinition\.several'),
        (('amqp://u:secret\udcff@h/v',), {}, 'connection string must be text'),
        ((b'amqp://u:secret\xff@h/v',), {}, 'connection string must be text'),
        (('h', 'u', ['secret']), {}, 'password must be text'),
        (('h', 'u', 'secret', 'v' * 256), {}, 'virtual_host is 256 bytes'),
        (('h', 'u', 'secret'), {'port': 0}, 'port must be'),
        (('h', 'u', 'secret'), {'heartbeat': -1}, 'heartbeat must be'),
        (('h', 'u', 'secret'), {'channel_max': 65536}, 'channel_max must be'),
        (('h', 'u', 'secret'), {'connection_timeout': 0}, 'connection_timeout must be'),
        (('h', 'u', 'secret'), {'auth_mechanism': 'login'}, "among PLAIN, .*not 'LOGIN'"),
        (('h', 'u', 'secret'), {'auth_mechanism': []}, 'not nothing'),
        (('h', 'u', 'secret'), {'auth_mechanism': 5}, 'auth_mechanism must be text'),
        (('h', 'u', 'secret'), {'tls': 1}, 'tls must be True or False'),
        (('h', 'u', 'secret'), {'tls': False, 'cacertfile': 'ca.pem'}, 'cacertfile is for TLS'),
        (('amqp://u:secret@h',), {'verify': 'verify_none'}, 'verify is for TLS; say amqps://'),
        (('h', 'u', 'secret'), {'verify': False}, 'verify must be text'),
        (('h', 'u', 'secret'), {'verify': 'none'}, "verify_peer or verify_none, not 'none'"),
        (('h', 'u', 'secret'), {'cacertfile': ''}, 'cacertfile is empty'),
        (('h', 'u', 'secret'), {'keyfile': 'key.pem'}, 'give certfile'),
        (('h', 'u', 'secret'), {'key_password': 'secret', 'tls': True}, 'needs certfile'),
        (('h', 'u', 'secret'), {'ssl_context': 'x'}, r'must be an ssl\.SSLContext, not str'),
        (
            ('h', 'u', 'secret'),
            {'ssl_context': CONTEXT, 'verify': 'verify_none'},
            'ssl_context decides verify already',
        ),
        (
            ('h', 'u', 'secret'),
            {'ssl_context': CONTEXT, 'server_name_indication': 'disable'},
            'ssl_context decides server_name_indication',
        ),
    ],
)
def test_what_makes_no_sense(args: Any, kwargs: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as raised:
        NodeDefinition(*args, **kwargs)
    assert 'secret' not in str(raised.value)
    assert raised.value.__cause__ is None


def test_the_misspelt_keyword_of_old_documentation() -> None:
    with pytest.warns(DeprecationWarning, match='heartbeat'):
        assert NodeDefinition('h', 'u', 'p', hearbeat=7).heartbeat == 7


@pytest.mark.parametrize(
    ('unknown', 'nearest'),
    [('hertbeat', 'heartbeat'), ('vhost', 'virtual_host'), ('username', 'user'), ('Port', 'port')],
)
def test_an_unknown_keyword_is_ignored_with_a_warning_that_names_the_nearest(
    unknown: str, nearest: str
) -> None:
    message = f"no argument '{unknown}', and ignores it; the nearest one is {nearest}, of host, "
    with pytest.warns(UserWarning, match=message) as caught:
        assert NodeDefinition('h', 'u', 'p', **{unknown: 20}) == NodeDefinition('h', 'u', 'p')
    assert caught[0].filename == __file__


def test_a_node_with_a_certificate_alone_has_no_guest() -> None:
    node = NodeDefinition('amqps://h', certfile='client.pem')
    assert (node.user, node.password) == ('', '')


def test_nodes_are_values() -> None:
    one = NodeDefinition('h', 'u', 'p')
    assert one == NodeDefinition('amqp://u:p@h')
    assert hash(one) == hash(NodeDefinition('amqp://u:p@h'))
    assert one != NodeDefinition('h', 'u', 'p', heartbeat=5)
    assert one != NodeDefinition('h', 'u', 'other')
    assert one != 'h'


def test_a_node_as_text() -> None:
    node = NodeDefinition('h', 'u', 'secret', 'v')
    assert str(node) == 'amqp://u@h:5672/v'
    assert repr(node) == '<NodeDefinition amqp://u@h:5672/v>'
    assert str(NodeDefinition('::1', 'u', 'secret')) == 'amqp://u@[::1]:5672'
    assert str(NodeDefinition('h', 'a@b', 'secret', '/v', tls=True)) == 'amqps://a%40b@h:5671/%2Fv'


def test_secrets_are_never_shown() -> None:
    node = NodeDefinition('h', 'u', 'secret', certfile='c', key_password='secret')
    assert 'secret' not in f'{node} {node!r} {node.tls} {node.tls!r} {hash(node)}'


def test_a_node_can_be_pickled() -> None:
    node = NodeDefinition('amqps://u:p@h/v?cacertfile=ca.pem&connection_timeout=1500')
    assert pickle.loads(pickle.dumps(node)) == node  # noqa: S301 - our own


# Limits


def test_limits() -> None:
    node = NodeDefinition('h', 'u', 'p', connection_timeout=2, channel_max=7)
    assert (node.connection_timeout, node.channel_max) == (2.0, 7)
    node = NodeDefinition('h', 'u', 'p')
    assert (node.connection_timeout, node.channel_max) == (None, None)
    node = NodeDefinition('amqp://u:p@h?connection_timeout=1500', connection_timeout=7)
    assert node.connection_timeout == 7.0


# Logging in


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ({'user': 'u', 'password': 'p'}, ('PLAIN', 'AMQPLAIN')),
        ({'user': 'u', 'password': 'p', 'certfile': 'c.pem'}, ('PLAIN', 'AMQPLAIN')),
        ({'certfile': 'c.pem'}, ('EXTERNAL',)),
        ({'certfile': 'c.pem', 'user': 'u'}, ('EXTERNAL',)),
        ({'ssl_context': CONTEXT, 'auth_mechanism': 'external'}, ('EXTERNAL',)),
        ({'user': 'u', 'password': 'p', 'auth_mechanism': b'amqplain'}, ('AMQPLAIN',)),
        (
            {'user': 'u', 'password': 'p', 'auth_mechanism': ['external', 'PLAIN', 'plain']},
            ('EXTERNAL', 'PLAIN'),
        ),
    ],
)
def test_mechanisms(options: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert NodeDefinition(host='h', **options).auth_mechanism == expected


def test_user_and_password_may_be_absent_for_external() -> None:
    node = NodeDefinition('amqps://h?certfile=c.pem')
    assert (node.user, node.password) == ('', '')
    assert str(node) == 'amqps://h:5671'


# Several nodes


def test_several_nodes_of_one_string() -> None:
    nodes = NodeDefinition.several('amqp://u:p@a:7,b,[::1]/v?heartbeat=5', password='other')
    assert [fields(node) for node in nodes] == [
        ('a', 'u', 'other', 'v', 7, 5),
        ('b', 'u', 'other', 'v', 5672, 5),
        ('::1', 'u', 'other', 'v', 5672, 5),
    ]
    assert NodeDefinition.several('amqp://u:p@h', port=7) == [NodeDefinition('h', 'u', 'p', port=7)]


@pytest.mark.parametrize('options', [{'host': 'c'}, {'port': 7}])
def test_what_several_nodes_cannot_have_in_common(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='the same for all'):
        NodeDefinition.several('amqp://u:p@a,b', **options)


A, B = NodeDefinition('a', 'u', 'p'), NodeDefinition('b', 'u', 'p')


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        (A, [A]),
        ([A, B], [A, B]),
        ((B, A), [B, A]),
        ('amqp://u:p@a', [A]),
        (b'amqp://u:p@a,b', [A, B]),
        (['amqp://u:p@b', A], [B, A]),
        (iter([A]), [A]),
    ],
)
def test_what_a_program_may_name_as_its_nodes(given: Any, expected: list[NodeDefinition]) -> None:
    assert nodes_of(given) == expected


def test_what_are_no_nodes() -> None:
    with pytest.raises(ValueError, match='at least one node'):
        nodes_of([])
    wrong: Any = [A, 5]
    with pytest.raises(TypeError, match='a NodeDefinition or a connection string, not int'):
        nodes_of(wrong)


@given(st.text())
def test_any_text_is_a_node_or_a_value_error(text: str) -> None:
    for string in (text, f'amqp://{text}', f'amqps://u:p@{text}', f'amqps://u:p@h?{text}'):
        try:
            NodeDefinition(string, user='u', password='p')
        except ValueError:
            continue
