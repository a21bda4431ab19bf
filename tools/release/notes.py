"""The version of a release, and its date: the changelog has it.

The date of all files in the archives is the date of the release, so that everybody who builds them
has the same bytes.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime


def version_of(package: str) -> str:
    """Return the version that the source of the package states."""
    found = re.search(r"^__version__ = '(.+)'$", package, re.MULTILINE)
    if found is None:
        raise SystemExit('the package has no line such as: __version__ = ...')
    return found[1]


def release_date(changelog: str, version: str) -> int:
    """Return the date of a version as a Unix time.

    :param changelog: its text, with a heading such as `## [3.0.0] - 2026-11-26`
    :raises SystemExit: it has no such heading for the version
    """
    heading = rf'^## \[{re.escape(version)}\] - (\d{{4}}-\d\d-\d\d)$'
    found = re.search(heading, changelog, re.MULTILINE)
    if found is None:
        raise SystemExit(f'CHANGELOG.md has no heading: ## [{version}] - YEAR-MONTH-DAY')
    return int(datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp())
