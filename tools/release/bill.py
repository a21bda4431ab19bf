"""The software bill of materials: what an installation of CoolAMQP with all its extras has."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.release.building import Release
from tools.release.commands import ROOT, environment, run
from tools.release.trying import EXTRAS


def write_bill(release: Release, programs: Path, folder: Path) -> None:
    """Write the bill as CycloneDX into the folder of the release.

    :param programs: the folder with cyclonedx-py
    """
    wanted = f'{release.pure}[{",".join(EXTRAS)}]'
    installed = environment(sys.executable, folder.with_name('installed'), wanted)
    run(
        programs / 'cyclonedx-py',
        'environment',
        '--output-reproducible',
        '--pyproject',
        ROOT / 'pyproject.toml',
        '--output-file',
        folder / release.sdist.name.replace('.tar.gz', '.cdx.json'),
        installed / 'python',
    )
