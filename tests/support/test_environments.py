from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support import environments
from tests.support.environments import OURS, NotInstallable, python_of


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environments, 'FOLDER', tmp_path / 'environments')
    return tmp_path / 'environments'


def require(monkeypatch: pytest.MonkeyPatch, *requirements: str) -> None:
    monkeypatch.setattr(environments, 'REQUIREMENTS', {'some': requirements})


def test_our_environment_is_the_one_that_runs(folder: Path) -> None:
    assert python_of(OURS) == sys.executable
    assert not folder.exists()


def test_an_environment_is_made_once_for_its_requirements(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    require(monkeypatch)
    monkeypatch.setattr(
        environments, '_install_wheels', lambda folder, _: folder.mkdir(parents=True)
    )
    assert python_of('some') == python_of('some') == str(folder / 'some/bin/python')
    assert capsys.readouterr().err.count('installing') == 1

    require(monkeypatch, 'another==1')
    python_of('some')
    assert capsys.readouterr().err == 'installing another==1\n'


def test_an_installer_that_fails_is_quoted_and_runs_again(monkeypatch: pytest.MonkeyPatch) -> None:
    require(monkeypatch, 'not a requirement')
    for _ in range(2):
        with pytest.raises(NotInstallable, match=r'[Rr]equirement'):
            python_of('some')
