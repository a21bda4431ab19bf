"""The software bill of materials: what an installation of CoolAMQP with all its extras has."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.release.building import Release
from tools.release.commands import ROOT, environment, run
from tools.release.trying import EXTRAS


def write_bill(release: Release, version: str, programs: Path, folder: Path) -> None:
    """Write the bill as CycloneDX into the folder of the release.

    :param programs: the folder with cyclonedx-py
    """
    work = folder.with_name('bill')
    wanted = f'{release.pure}[{",".join(EXTRAS)}]'
    installed = environment(sys.executable, work / 'installed', wanted)
    project = work / 'pyproject.toml'
    project.write_text(with_version((ROOT / 'pyproject.toml').read_text('utf-8'), version), 'utf-8')
    run(
        programs / 'cyclonedx-py',
        'environment',
        '--output-reproducible',
        '--mc-type=library',
        '--pyproject',
        project,
        '--output-file',
        folder / f'coolamqp-{version}.cdx.json',
        installed / 'python',
    )


def with_version(project: str, version: str) -> str:
    """Return a pyproject.toml that states the version, which ours has from the package.

    :raises SystemExit: it has another form
    """
    dynamic = "dynamic = ['readme', 'version']"
    if dynamic not in project:
        sys.exit(f'pyproject.toml does not say: {dynamic}')
    return project.replace(dynamic, f"version = '{version}'\ndynamic = ['readme']")
