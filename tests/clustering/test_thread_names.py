"""The name of a thread for the operating system, by whichever library is installed."""

from __future__ import annotations

import logging
import sys
from types import ModuleType

import pytest

from coolamqp.clustering.thread_names import name_this_thread


def install(monkeypatch: pytest.MonkeyPatch, **namers: object) -> None:
    """Have just these libraries, each with its function that names a thread."""
    for module_name, function in (('prctl', 'set_name'), ('setproctitle', 'setthreadtitle')):
        if module_name in namers:
            module = ModuleType(module_name)
            setattr(module, function, namers[module_name])
            monkeypatch.setitem(sys.modules, module_name, module)
        else:
            monkeypatch.setitem(sys.modules, module_name, None)  # so that importing it fails


@pytest.mark.parametrize('library', ['prctl', 'setproctitle'])
def test_a_library_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    names: list[str] = []
    install(monkeypatch, **{library: names.append})
    name_this_thread('billing AMQP listener thread')
    assert names == ['billing AMQP listener thread']


def test_without_a_library_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    name_this_thread('billing')


def test_a_library_that_cannot_is_followed_by_the_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_name: str) -> None:
        raise OSError('no prctl here')

    names: list[str] = []
    install(monkeypatch, prctl=fail, setproctitle=names.append)
    with caplog.at_level(logging.DEBUG):
        name_this_thread('billing')
    assert names == ['billing']
    assert 'no prctl here' in caplog.text
