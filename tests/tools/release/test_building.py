from __future__ import annotations

import io
import os
import tarfile
import time
from pathlib import Path

import pytest

from tools.release.building import copy_sources, repack

DATE = 1795651200


def pack(path: Path, names: list[str], mode: int, mtime: float) -> Path:
    """Pack an sdist as setuptools does, with the times and modes of the checkout."""
    path.parent.mkdir()
    with tarfile.open(path, 'w:gz') as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(name), mode, mtime
            member.uid, member.uname = os.getuid(), 'somebody'
            archive.addfile(member, io.BytesIO(name.encode()))
    return path


def test_an_sdist_is_packed_with_the_same_bytes_whoever_builds_it_and_when(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('SOURCE_DATE_EPOCH', str(DATE))
    here = pack(tmp_path / 'here/a.tar.gz', ['a/setup.py', 'a/LICENSE'], 0o644, time.time())
    there = pack(tmp_path / 'there/a.tar.gz', ['a/LICENSE', 'a/setup.py'], 0o600, 1.5)
    (tmp_path / 'one').mkdir()
    (tmp_path / 'other').mkdir()

    one, other = repack(here, tmp_path / 'one'), repack(there, tmp_path / 'other')

    assert one.read_bytes() == other.read_bytes()
    with tarfile.open(one) as archive:
        assert archive.getnames() == ['a/LICENSE', 'a/setup.py']
        assert {member.mtime for member in archive} == {DATE}
        file = archive.extractfile('a/setup.py')
        assert file is not None
        assert file.read() == b'a/setup.py'


def test_nothing_that_an_earlier_build_left_is_copied(tmp_path: Path) -> None:
    copy_sources(tmp_path)

    copied = [path.relative_to(tmp_path) for path in tmp_path.rglob('*')]
    assert Path('src/coolamqp/py.typed') in copied
    assert Path('LICENSE') in copied
    left = [path for path in copied if path.suffix in {'.so', '.pyc', '.egg-info'}]
    assert left == []
