from __future__ import annotations

from pathlib import Path

import pytest

import coolamqp
from tests.docs.pages import ROOT
from tools.release.notes import release_date, version_of

CHANGELOG = '# Changelog\n\n## [3.0.0rc1] - 2026-11-26\n\n## [2.1.2] - 2025-01-01\n'


def test_the_changelog_has_the_date_of_a_version() -> None:
    assert release_date(CHANGELOG, '3.0.0rc1') == 1795651200


@pytest.mark.parametrize('version', ['3.0.0', '3a0.0rc1', '1.0'])
def test_a_version_that_the_changelog_does_not_have_is_refused(version: str) -> None:
    with pytest.raises(SystemExit, match='has no heading'):
        release_date(CHANGELOG, version)


def test_a_heading_without_a_date_is_refused() -> None:
    with pytest.raises(SystemExit, match='YEAR-MONTH-DAY'):
        release_date('## [3.0.0]\n', '3.0.0')


def test_the_version_is_that_of_the_package_and_the_changelog_has_it() -> None:
    source = Path(coolamqp.__path__[0], '__init__.py').read_text('utf-8')
    version = version_of(source)

    assert version == coolamqp.__version__
    assert release_date((ROOT / 'CHANGELOG.md').read_text('utf-8'), version)


def test_a_package_without_a_version_is_refused() -> None:
    with pytest.raises(SystemExit, match='__version__'):
        version_of('version = 3')
