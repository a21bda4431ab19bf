from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.release.hashes import differences, write_sums


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    made = tmp_path / 'one', tmp_path / 'other'
    for folder in made:
        folder.mkdir()
        (folder / 'same').write_bytes(b'bytes')
    return made


def test_folders_with_the_same_bytes_do_not_differ(folders: tuple[Path, Path]) -> None:
    assert differences(*folders) == []


def test_folders_differ_by_bytes_and_by_files(folders: tuple[Path, Path]) -> None:
    one, other = folders
    (one / 'changed').write_bytes(b'bytes')
    (other / 'changed').write_bytes(b'other')
    (one / 'only one').touch()
    (other / 'only other').touch()
    assert differences(one, other) == ['changed', 'only one', 'only other']


def test_sha256sum_checks_the_sums(folders: tuple[Path, Path]) -> None:
    folder = folders[0]
    (folder / 'another').write_bytes(b'other')
    write_sums(folder)
    write_sums(folder)  # again, with the first sums there
    command = ['sha256sum', '--check', '--strict', 'SHA256SUMS']

    checked = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert checked.stdout.splitlines() == ['another: OK', 'same: OK']

    (folder / 'same').write_bytes(b'changed')
    assert subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 1
