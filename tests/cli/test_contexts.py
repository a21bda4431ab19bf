"""The file of contexts: who may read it, and what may be in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from coolamqp.cli.contexts import Context, Contexts, contexts_file, load_contexts, save_contexts
from coolamqp.cli.errors import ExitStatus, Failure


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_CONFIG_HOME', str(tmp_path / 'config'))


def test_contexts_are_read_as_they_were_written() -> None:
    assert load_contexts() == Contexts()

    contexts = Contexts({'prod': Context('amqps://ann@rabbit/', 'PROD_PASSWORD')}, 'prod')
    save_contexts(contexts)

    assert load_contexts() == contexts


def test_only_the_user_may_read_the_file() -> None:
    save_contexts(Contexts())
    save_contexts(Contexts())

    assert contexts_file().stat().st_mode & 0o777 == 0o600
    assert contexts_file().parent.stat().st_mode & 0o777 == 0o700
    assert list(contexts_file().parent.iterdir()) == [contexts_file()]


def test_a_context_has_no_password() -> None:
    with pytest.raises(ValueError, match='stores no password') as refused:
        Context('amqp://ann:secret@rabbit/')

    assert 'secret' not in str(refused.value)


@pytest.mark.parametrize('text', ['', '[]', '{}', '{"contexts": {"a": {"uri": 1}}, "current": 1}'])
def test_a_file_that_is_something_else_is_reported(text: str) -> None:
    contexts_file().parent.mkdir(parents=True)
    contexts_file().write_text(text)

    with pytest.raises(Failure, match=r'contexts\.json has no contexts in it') as failed:
        load_contexts()

    assert failed.value.status is ExitStatus.USAGE


def test_an_unknown_context_is_reported() -> None:
    with pytest.raises(Failure, match="there is no context 'prod'"):
        Contexts().named('prod')
