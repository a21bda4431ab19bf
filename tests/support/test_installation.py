from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support import installation as module
from tests.support.installation import (
    HOST_ROOT,
    Installation,
    RabbitMQMissing,
    chosen_installation,
    parsed,
)

TOOL = Path(__file__).parents[2] / 'tools' / 'rabbitmq_root'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder like that of a root with RabbitMQ 4.0.5."""
    root = tmp_path / '4.0'
    (root / 'usr/lib/rabbitmq/lib/rabbitmq_server-4.0.5').mkdir(parents=True)
    return root


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with RabbitMQ 3.10.8. The returned folder is for the roots."""
    machine = tmp_path / 'machine'
    (machine / 'usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8').mkdir(parents=True)
    monkeypatch.setattr(module, 'ROOTS', tmp_path)
    monkeypatch.setattr(module, 'HOST_ROOT', machine)
    return machine


def test_version_is_that_of_the_files_and_empty_without_any(root: Path, tmp_path: Path) -> None:
    assert Installation(root).version == (4, 0, 5)
    assert Installation(tmp_path).version == ()


@pytest.mark.parametrize('asked', [None, '', '3', '3.10', '3.10.8'])
def test_this_machines_own_is_chosen_when_it_is_what_is_asked_for(
    host: Path, monkeypatch: pytest.MonkeyPatch, asked: str | None
) -> None:
    if asked is None:
        monkeypatch.delenv(module.VARIABLE, raising=False)
    else:
        monkeypatch.setenv(module.VARIABLE, asked)

    assert chosen_installation().root == host


@pytest.mark.parametrize('asked', ['3.1', '4.0', '3.10.9'])
def test_a_root_is_chosen_for_any_other_version(
    host: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.setenv(module.VARIABLE, asked)

    assert chosen_installation().root == host.parent / asked


def test_what_is_no_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(module.VARIABLE, '../trixie')

    with pytest.raises(ValueError, match=r"'\.\./trixie' is no version; one looks like 4\.0"):
        chosen_installation()


def test_versions_compare_as_versions_do() -> None:
    assert parsed('3.9') < parsed('3.10') < parsed('3.10.8') < parsed('4')


def test_missing_package_says_how_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PATH', '/nowhere')

    with pytest.raises(RabbitMQMissing, match=r'apt-get install .* rabbitmq-server'):
        Installation(HOST_ROOT).require()


def test_missing_root_says_how_to_make_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, 'geteuid', lambda: 0)

    with pytest.raises(RabbitMQMissing, match=r'Make one with: tools/rabbitmq_root 4\.0'):
        Installation(tmp_path / '4.0').require()


def test_root_is_for_root_only(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, 'geteuid', lambda: 1000)

    with pytest.raises(RabbitMQMissing, match=r'only root may use it\. Run the tests as root'):
        Installation(root).require()


@pytest.mark.integration
def test_commands_run_in_the_folder_and_see_what_is_beside_it(tmp_path: Path) -> None:
    installation = chosen_installation()
    installation.require()
    folder = tmp_path / 'node'
    folder.mkdir()
    (tmp_path / 'certificate').write_text('beside')
    command = installation.command(['cat', '../certificate', '/proc/self/stat'], folder)

    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        printed, _ = process.communicate()

    assert printed.startswith(f'beside{process.pid} (cat)'), 'signals would reach another process'


@pytest.mark.parametrize('arguments', [[], ['9.9']])
def test_tool_refuses_what_no_debian_has(arguments: list[str]) -> None:
    done = subprocess.run([TOOL, *arguments], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert 'unknown version; use 3.10, 4.0 or 4.3' in done.stderr
