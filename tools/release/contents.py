"""The check of what is in a wheel."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

OURS: Final = 'coolamqp'


def faults(members: Collection[str], version: str, *, compiled: bool) -> list[str]:
    """Return what is wrong with the contents of a wheel, a sentence each.

    :param members: the paths of its files
    :param version: the version of the release
    :param compiled: whether the wheel must have extension modules, or must have none
    """
    information = f'{OURS}-{version}.dist-info'
    needed = (
        f'{OURS}/__init__.py',
        f'{OURS}/py.typed',
        f'{information}/METADATA',
        f'{information}/entry_points.txt',
        f'{information}/licenses/LICENSE',
    )
    found = [f'{path} is missing' for path in needed if path not in members]
    extensions = [path for path in members if path.endswith('.so')]
    if compiled and not extensions:
        found.append('nothing is compiled')
    if not compiled:
        found += [f'{path} is compiled' for path in extensions]
    for path in members:
        if not is_ours(path, information):
            found.append(f'{path} does not belong into a wheel')
    return found


def is_ours(path: str, information: str) -> bool:
    """Whether a file belongs into a wheel."""
    first, *rest = path.split('/')
    if 'tests' in rest or path.endswith('conftest.py'):
        return False
    if rest:
        return first == information or (
            first == OURS and path.endswith(('.py', '.so', '/py.typed'))
        )
    # mypyc puts the C code of all modules into one module beside the package.
    return path.startswith(f'{OURS}__mypyc.') and path.endswith('.so')
