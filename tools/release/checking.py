"""The checks of the files of a release: their contents, and what PyPI will say of them."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from tools.release.building import Release
from tools.release.commands import run
from tools.release.contents import faults


def check(release: Release, version: str, programs: Path) -> None:
    """Check all files of a release.

    :param programs: the folder with twine and check-wheel-contents
    :raises SystemExit: a file has a fault
    """
    for wheel in release.wheels:
        with zipfile.ZipFile(wheel) as archive:
            files = [each.filename for each in archive.infolist() if not each.is_dir()]
            found = faults(files, version, compiled=wheel is not release.pure)
        if found:
            sys.exit('\n'.join(f'{wheel.name}: {fault}' for fault in found))
    run(programs / 'twine', 'check', '--strict', release.sdist, *release.wheels)
    run(programs / 'check-wheel-contents', f'--package={release.sources}', release.pure)
    # W009: mypyc puts a module beside the package.
    run(programs / 'check-wheel-contents', '--ignore=W009', *release.compiled.values())
