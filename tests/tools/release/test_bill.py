from __future__ import annotations

import tomllib

import pytest

from tests.docs.pages import ROOT
from tools.release.bill import with_version


def test_the_bill_is_that_of_the_version() -> None:
    text = (ROOT / 'pyproject.toml').read_text('utf-8')
    project = tomllib.loads(with_version(text, '3.0.0'))['project']

    assert (project['name'], project['version']) == ('coolamqp', '3.0.0')
    assert 'version' not in project['dynamic']


def test_a_project_of_another_form_is_refused() -> None:
    with pytest.raises(SystemExit, match='does not say'):
        with_version("[project]\nversion = '1'\n", '3.0.0')
