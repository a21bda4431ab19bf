"""The configuration folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from coolamqp.cli.config import config_file, write_private


def test_it_is_where_the_user_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_CONFIG_HOME', str(tmp_path))

    assert config_file('x.json') == tmp_path / 'coolamqp' / 'x.json'


def test_a_private_file_is_for_the_user_alone(tmp_path: Path) -> None:
    path = tmp_path / 'folder' / 'key.pem'
    for content in (b'one', b'another'):
        write_private(path, content)

        assert path.read_bytes() == content
        assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]
