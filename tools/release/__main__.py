"""Build a release into dist/, check it and try it; `make release` does it.

    python -m tools.release

Everything is built twice, in two folders, and must have the same bytes. Whatever is wrong ends it.
It runs on Linux, and takes a quarter of an hour.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tools.release.bill import write_bill
from tools.release.building import build
from tools.release.checking import check
from tools.release.commands import ROOT, tools
from tools.release.hashes import differences, write_sums
from tools.release.interpreters import installed
from tools.release.notes import release_date, version_of
from tools.release.trying import try_out

DIST: Final = ROOT / 'dist'
START: Final = time.monotonic()


def main() -> None:
    """Take the steps of a release."""
    version = version_of((ROOT / 'src/coolamqp/__init__.py').read_text('utf-8'))
    date = release_date((ROOT / 'CHANGELOG.md').read_text('utf-8'), version)
    os.environ['SOURCE_DATE_EPOCH'] = str(date)
    os.umask(0o022)  # The archives have the modes of the files.
    pythons = installed()
    with tempfile.TemporaryDirectory(prefix='coolamqp-') as folder:
        first, again = Path(folder) / 'first', Path(folder) / 'again'
        programs = tools(Path(folder) / 'tools')
        release = build(pythons, programs, first)
        report('built')
        build(pythons, programs, again)
        if different := differences(first, again):
            sys.exit(f'a second build has other bytes in {", ".join(different)}')
        report('built again: the same bytes')
        check(release, version, programs)
        report('checked')
        try_out(release, version)
        write_bill(release, version, programs, first)
        write_sums(first)
        shutil.rmtree(DIST, ignore_errors=True)
        shutil.copytree(first, DIST)
    report('tried, and written into dist/:')
    for path in sorted(DIST.iterdir()):
        print(f'{path.stat().st_size:9,} bytes  {path.name}')


def report(what: str) -> None:
    """Print what is done, and the seconds since the start."""
    print(f'{time.monotonic() - START:4.0f} s  {what}', flush=True)


if __name__ == '__main__':
    main()
