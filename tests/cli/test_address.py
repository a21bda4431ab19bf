"""Where the address of the broker comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from coolamqp.cli.address import find_nodes
from coolamqp.cli.contexts import Context, Contexts, save_contexts
from coolamqp.cli.errors import Failure


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv('XDG_CONFIG_HOME', str(tmp_path / 'config'))
    monkeypatch.delenv('AMQP_URL', raising=False)
    known = {
        'local': Context('amqp://one,two/'),
        'prod': Context('amqps://ann@rabbit/', 'PROD_PASSWORD'),
        'asked': Context('amqp://ann@rabbit/'),
    }
    save_contexts(Contexts(known, 'local'))
    return monkeypatch


def found(url: str | None = None, context: str | None = None) -> list[str]:
    return [node.host for node in find_nodes(url, context)]


def test_the_nearest_source_wins(environment: pytest.MonkeyPatch) -> None:
    environment.setenv('PROD_PASSWORD', 'secret')

    assert found() == ['one', 'two']
    environment.setenv('AMQP_URL', 'amqp://variable/')
    assert found() == ['variable']
    assert found(context='prod') == ['rabbit']
    assert found(url='amqp://option/') == ['option']


def test_without_any_source_it_is_the_local_broker() -> None:
    save_contexts(Contexts())

    assert [str(node) for node in find_nodes(None, None)] == ['amqp://guest@localhost:5672']


def test_two_answers_are_refused() -> None:
    with pytest.raises(Failure, match='give one of them'):
        find_nodes('amqp://option/', 'prod')


def test_the_password_comes_from_the_variable(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(Failure, match='PROD_PASSWORD, which is not set'):
        find_nodes(None, 'prod')

    environment.setenv('PROD_PASSWORD', 's/e:c')
    assert find_nodes(None, 'prod')[0].password == 's/e:c'


@pytest.mark.parametrize(('url', 'context'), [(None, 'asked'), ('amqp://ann@rabbit/', None)])
def test_a_missing_password_is_asked_for(
    url: str | None, context: str | None, environment: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Failure, match='no terminal'):
        find_nodes(url, context)

    asked: list[str] = []
    environment.setattr('sys.stdin.isatty', lambda: True, raising=False)

    def prompt(text: str, **_: object) -> str:
        asked.append(text)
        return 'typed'

    environment.setattr('click.prompt', prompt)
    assert find_nodes(url, context)[0].password == 'typed'
    assert asked == ['Password of ann']


def test_a_certificate_needs_no_password() -> None:
    url = 'amqps://ann@rabbit/?certfile=c.pem&auth_mechanism=external'

    assert find_nodes(url, None)[0].auth_mechanism == ('EXTERNAL',)
