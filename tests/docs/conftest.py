"""The site, which several tests read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import coolamqp
from tests.docs.pages import ROOT

PATIENCE = 100.0  # seconds


@pytest.fixture(scope='session')
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site in a folder of its own. A warning is an error."""
    if coolamqp.compiled:
        pytest.skip('signatures are read from the pure Python')
    folder = tmp_path_factory.mktemp('site')
    built = subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--site-dir', folder],
        cwd=ROOT,
        env={**os.environ, 'NO_MKDOCS_2_WARNING': '1'},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder
