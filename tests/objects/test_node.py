"""How a node is described, and that its password is never seen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolamqp.objects import NodeDefinition


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
        (('amqp://u:p@h',), {}, ('h', 'u', 'p', '/', 5672, None)),
        (('amqp://u:p@h/',), {}, ('h', 'u', 'p', '/', 5672, None)),
        (('amqp://h/v',), {'user': 'u', 'password': 'p'}, ('h', 'u', 'p', 'v', 5672, None)),
        (('amqp://u:p@h/v',), {'port': 7, 'user': b'x'}, ('h', 'x', 'p', 'v', 7, None)),
        (('amqp://u:p%40%2F@[::1]:7/%2Fv',), {}, ('::1', 'u', 'p@/', '/v', 7, None)),
        (('h', 'u', ''), {}, ('h', 'u', '', '/', 5672, None)),
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
        (('amqp://h/v',), {}, 'needs a user'),
        (('amqp://u@h/v',), {}, 'needs a password'),
        (('h', 'u'), {}, 'not by 2 values'),
        (('h', 'u', 'p', 'v', 5672), {}, 'not by 5 values'),
        (('h', 'u', 'p'), {'vhost': 'v'}, "no 'vhost'"),
        (('', 'u', 'p'), {}, 'it is empty'),
        (('http://u:secret@h/',), {}, 'looks like amqp://'),
        (('amqp:///v',), {}, 'looks like amqp://'),
        (('amqp://u:secret@h:99999/',), {}, 'the port'),
        (('amqp://u:secret@h:port/',), {}, 'the port'),
        (('amqp://u:secret@[::1/',), {}, 'is not one'),
        (('amqp://u:secret@h\u2100st/',), {}, 'is not one'),
        (('amqp://u:secret@h/v?heartbeat=5',), {}, 'no parameters'),
        (('amqp://u:secret@h/v#part',), {}, 'no parameters'),
        (('amqp://u:secret\udcff@h/v',), {}, 'connection string must be text'),
        (('h', 'u', 'secret\udcff'), {}, 'password must be text'),
        (('h', 'u', b'secret\xff'), {}, 'password must be text'),
        (('h', 'u', ['secret']), {}, 'password must be text'),
        (('h', 'u', 'secret', 'v' * 256), {}, 'virtual_host is 256 bytes'),
        (('h', 'u', 'secret'), {'port': 0}, 'port must be'),
        (('h', 'u', 'secret'), {'port': '5672'}, 'port must be'),
        (('h', 'u', 'secret'), {'heartbeat': -1}, 'heartbeat must be'),
        (('h', 'u', 'secret'), {'heartbeat': 65536}, 'heartbeat must be'),
        (('h', 'u', 'secret'), {'heartbeat': True}, 'heartbeat must be'),
        (('h', 'u', 'secret'), {'heartbeat': 1.5}, 'heartbeat must be'),
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


@given(st.text())
def test_any_text_is_a_node_or_a_value_error(text: str) -> None:
    for string in (text, f'amqp://{text}', f'amqp://u:p@{text}'):
        try:
            NodeDefinition(string, user='u', password='p')
        except ValueError:
            continue
