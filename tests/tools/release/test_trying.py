from __future__ import annotations

import tomllib

from tests.docs.pages import ROOT
from tools.release.trying import EXTRAS


def test_each_extra_for_users_is_tried() -> None:
    project = tomllib.loads((ROOT / 'pyproject.toml').read_text('utf-8'))['project']

    assert EXTRAS.keys() == project['optional-dependencies'].keys() - {'dev'}
