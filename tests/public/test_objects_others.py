"""coolamqp.objects and coolamqp.argumentify: ServerProperties, Callable, arguments, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from coolamqp.argumentify import argumentify, tobytes, toutf8
from coolamqp.clustering import Cluster
from coolamqp.objects import Callable, ServerProperties

# -- ServerProperties


@pytest.mark.integration
def test_server_properties(cluster: Cluster) -> None:
    server = cluster.properties
    assert isinstance(server, ServerProperties)
    assert server.version == (0, 9)
    assert {'product': 'RabbitMQ', 'platform': server.properties['platform']}.items() <= (
        server.properties.items()
    )
    assert all(isinstance(name, str) for name in server.properties)
    assert isinstance(server.properties['version'], str)
    assert 'PLAIN' in server.mechanisms
    assert all(isinstance(mechanism, str) for mechanism in server.mechanisms)
    assert server.locales == 'en_US'


# -- Callable


def test_callable_calls_all_each_time() -> None:
    calls: list[Any] = []
    functions = Callable()
    functions.add(lambda *args, **kwargs: calls.append((1, args, kwargs)))
    functions.add(lambda *args, **kwargs: calls.append((2, args, kwargs)))
    functions('a', key='b')
    functions()

    assert calls == [
        (1, ('a',), {'key': 'b'}),
        (2, ('a',), {'key': 'b'}),
        (1, (), {}),
        (2, (), {}),
    ]


def test_callable_with_oneshots_forgets_what_it_has_called() -> None:
    calls: list[int] = []
    functions = Callable(oneshots=True)
    functions.add(lambda: calls.append(1))
    functions()
    functions()
    assert calls == [1]

    functions.add(lambda: calls.append(2))
    functions()
    assert calls == [1, 2]


@pytest.mark.parametrize('oneshots', [False, True])
def test_callable_logs_one_that_raises_and_calls_the_others(
    oneshots: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise LookupError('this one is broken')

    calls: list[int] = []
    functions = Callable(oneshots)
    functions.add(broken)
    functions.add(lambda: calls.append(1))
    functions()

    assert calls == [1]
    assert 'this one is broken' in caplog.text


# -- argumentify


@pytest.mark.parametrize(
    ('arguments', 'typed'),
    [
        (None, []),
        ({}, []),
        ({'a': 1, b'b': 'text'}, [(b'a', (1, 'I')), (b'b', ('text', 'S'))]),
        ([('a', True), (b'b', b'text')], [(b'a', (True, 't')), (b'b', (b'text', 'S'))]),
        ([(b'a', (1, 'l'))], [(b'a', (1, 'l'))]),
    ],
    ids=['none', 'empty', 'dict', 'pairs', 'typed'],
)
def test_argumentify_gives_the_typed_form(arguments: Any, typed: Any) -> None:
    assert argumentify(arguments) == typed
    assert argumentify(argumentify(arguments)) == typed


def test_argumentify_refuses_what_no_table_holds_and_names_it() -> None:
    with pytest.raises(TypeError, match=r"arguments\['a'\] is a object.*must be a bool, int"):
        argumentify({'a': object()})


@pytest.mark.parametrize('text', ['zażółć', 'zażółć'.encode(), memoryview('zażółć'.encode())])
def test_tobytes_and_toutf8_take_text_of_each_kind(text: Any) -> None:
    assert tobytes(text) == 'zażółć'.encode()
    assert isinstance(tobytes(text), bytes)
    assert toutf8(text) == 'zażółć'
