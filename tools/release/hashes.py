"""The hashes of the files of a release."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Final

SUMS: Final = 'SHA256SUMS'


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file in a folder, by its name."""
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def differences(one: Path, other: Path) -> list[str]:
    """Return the names of files that only one of two folders has, or with other bytes."""
    ours, theirs = hashes(one), hashes(other)
    return [name for name in sorted(ours | theirs) if ours.get(name) != theirs.get(name)]


def write_sums(folder: Path) -> None:
    """Write the hashes of all files in a folder, for `sha256sum --check`."""
    lines = [f'{digest}  {name}\n' for name, digest in hashes(folder).items() if name != SUMS]
    (folder / SUMS).write_text(''.join(lines), 'utf-8')
