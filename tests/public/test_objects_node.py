"""coolamqp.objects.NodeDefinition, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.objects import NodeDefinition

FIELDS = ('host', 'port', 'user', 'password', 'virtual_host', 'heartbeat')


def fields(node: NodeDefinition) -> tuple[Any, ...]:
    return tuple(getattr(node, name) for name in FIELDS)


# -- how it is given


@pytest.mark.parametrize(
    'node',
    [
        NodeDefinition(host='h', user='u', password='p', virtual_host='v'),
        NodeDefinition('h', 'u', 'p', 'v'),
        NodeDefinition('h', 'u', 'p', virtual_host='v'),
        NodeDefinition('amqp://u:p@h/v'),
        NodeDefinition(b'amqp://u:p@h/v'),
        NodeDefinition('amqp://u:p@h:5672/v'),
        NodeDefinition('amqp://h/v', user='u', password='p'),
        NodeDefinition('amqp://x:y@z:1/w', host='h', user='u', password='p', port=5672,
                       virtual_host='v'),
    ],
)  # fmt: skip
def test_node_by_keywords_by_position_and_as_a_string(node: NodeDefinition) -> None:
    assert fields(node) == ('h', 5672, 'u', 'p', 'v', None)


def test_node_by_three_positions() -> None:
    assert fields(NodeDefinition('h', 'u', 'p')) == ('h', 5672, 'u', 'p', '/', None)


def test_node_keywords_override_the_parts_of_a_string() -> None:
    node = NodeDefinition('amqp://u:p@h:1/v', port=2, heartbeat=3)
    assert fields(node) == ('h', 2, 'u', 'p', 'v', 3)


# -- what it has


@pytest.mark.parametrize('url', ['amqp://u:p@h', 'amqp://u:p@h/'])
def test_node_virtual_host_is_the_slash_by_default(url: str) -> None:
    assert NodeDefinition(url).virtual_host == '/'


@pytest.mark.parametrize('heartbeat', [None, 0, 1, 60])
def test_node_heartbeat_is_whole_seconds_or_0_or_none(heartbeat: int | None) -> None:
    assert NodeDefinition('h', 'u', 'p', heartbeat=heartbeat).heartbeat == heartbeat


@pytest.mark.parametrize('heartbeat', [-1, 0.5, '10', True])
def test_node_heartbeat_that_is_none_of_these(heartbeat: Any) -> None:
    with pytest.raises(ValueError, match='heartbeat must be a whole number'):
        NodeDefinition('h', 'u', 'p', heartbeat=heartbeat)


def test_node_hearbeat_as_the_old_documentation_spells_it() -> None:
    with pytest.warns(DeprecationWarning, match=r'hearbeat.*heartbeat'):
        assert NodeDefinition('h', 'u', 'p', hearbeat=10).heartbeat == 10


# -- what it is


def test_node_is_a_value() -> None:
    assert NodeDefinition('h', 'u', 'p') == NodeDefinition('amqp://u:p@h/')
    assert len({NodeDefinition('h', 'u', 'p'), NodeDefinition('amqp://u:p@h/')}) == 1
    assert NodeDefinition('h', 'u', 'p') != NodeDefinition('h', 'u', 'q')


@pytest.mark.parametrize(
    ('args', 'kwargs', 'words'),
    [
        ((), {}, 'host'),
        (('h', 'u'), {}, r'\(host, user, password\)'),
        (('h', 'u', 'p', 'v', 'w'), {}, r'\(host, user, password, virtual_host\)'),
        ((), {'host': 'h', 'password': 'p'}, 'user'),
        ((), {'host': 'h', 'user': 'u'}, 'password'),
        (('amqp://h/v',), {}, 'user'),
        (('http://u:p@h/v',), {}, 'amqp://user:password@host'),
        (('no connection string',), {}, 'amqp://user:password@host'),
        (('amqp://u:p@h:99999/v',), {}, 'port.*65535'),
        (('h', 'u', 'p'), {'port': 0}, 'port must be a whole number'),
        (('h', 'u', 'p'), {'vhost': 'v'}, r"'vhost'.*virtual_host"),
    ],
)
def test_node_that_makes_no_sense(args: Any, kwargs: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        NodeDefinition(*args, **kwargs)


def test_node_never_shows_its_password() -> None:
    node = NodeDefinition('amqp://user:correct-horse@host/')
    for text in (str(node), repr(node), f'{node}', repr([node])):
        assert 'correct-horse' not in text
        assert 'host' in text
