"""Check that mypyc still compiles floors 1 and 2, and throw the result away.

Works on a copy of src/coolamqp in a temporary folder, with a C compiler that does not optimise.
Exit status 0 when all modules compile and can be imported, 1 when not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / 'src' / 'coolamqp'
FLOORS = ('framing', 'uplink')
TIMEOUT = 600  # seconds

# Modules that stay interpreted, and why. Each costs speed, so there should be few.
INTERPRETED: dict[str, str] = {}

# Runs beside the compiled copy: all modules named can be imported, and are extension modules.
IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    if module.__file__.endswith('.py'):
        sys.exit(f'{name} was not compiled: it came from {module.__file__}')
"""


def main() -> int:
    """Compile and import; return the exit status."""
    files = sources()
    if not files:
        print(f'compilable: nothing to compile yet in {", ".join(FLOORS)}')
        return 0
    with tempfile.TemporaryDirectory(prefix='coolamqp-mypyc-') as folder:
        shutil.copytree(
            PACKAGE,
            Path(folder) / PACKAGE.name,
            ignore=shutil.ignore_patterns('*.so', '__pycache__'),
        )
        ok = run(folder, 'mypyc', '-m', 'mypyc', *map(str, files)) and run(
            folder, 'import of the compiled modules', '-c', IMPORT_ALL, *map(module_name, files)
        )
    for name, reason in INTERPRETED.items():
        print(f'compilable: {name} stays interpreted: {reason}')
    if ok:
        print(f'compilable: mypyc compiles {len(files)} modules of {", ".join(FLOORS)}')
    return 0 if ok else 1


def sources() -> list[Path]:
    """Return the files to be compiled, relative to the folder that holds the package."""
    found = [
        path.relative_to(PACKAGE.parent)
        for floor in FLOORS
        for path in sorted((PACKAGE / floor).rglob('*.py'))
    ]
    return [path for path in found if module_name(path) not in INTERPRETED]


def module_name(path: Path) -> str:
    """Return the dotted name of a file: coolamqp/framing/__init__.py is coolamqp.framing."""
    parts = path.with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def run(folder: str, what: str, *arguments: str) -> bool:
    """Run Python in `folder`, silently if it succeeds; tell whether it did."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, 'PYTHONPATH': folder, 'MYPYC_OPT_LEVEL': '0', 'MYPYC_DEBUG_LEVEL': '0'},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    if done.returncode:
        print(done.stdout)
        print(f'compilable: {what} failed; the last lines above say where')
    return done.returncode == 0


if __name__ == '__main__':
    sys.exit(main())
