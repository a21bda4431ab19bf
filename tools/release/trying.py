"""The trial of each wheel in new environments, without the sources."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from tools.release.building import Release
from tools.release.commands import environment, run

TRIAL: Final = Path(__file__).with_name('trial.py')
# What must be possible with each extra.
EXTRAS: Final = {
    'cli': 'import coolamqp.cli.commands',
    'kombu': 'import coolamqp.kombu',
    'opentelemetry': 'import coolamqp.telemetry.opentelemetry_metrics',
    'opentracing': 'import coolamqp.telemetry.opentracing',
    'prometheus': 'from coolamqp.telemetry.prometheus import Collector',
    'testing': 'import coolamqp.testing.plugin',
}


def try_out(release: Release, version: str) -> None:
    """Try the compiled wheel and the pure wheel of each Python.

    :raises SystemExit: one of them does not work
    """
    for python, wheel in release.compiled.items():
        try_wheel(python, wheel, version, 'compiled')
        try_wheel(python, release.pure, version, 'pure')


def try_wheel(python: str, wheel: Path, version: str, form: str) -> None:
    """Install a wheel, and publish and consume with it; then install it with each extra."""
    with tempfile.TemporaryDirectory(prefix='coolamqp-') as folder:
        core = environment(python, Path(folder) / 'core', str(wheel))
        sys.stdout.write(run(core / 'python', '-I', TRIAL, version, form))
        for extra, statement in EXTRAS.items():
            programs = environment(python, Path(folder) / extra, f'{wheel}[{extra}]')
            run(programs / 'python', '-I', '-c', statement)
            if extra == 'cli':
                told = run(programs / 'coolamqp', '--version')
                if version not in told.split():
                    sys.exit(f'{wheel.name}: coolamqp --version prints {told}')
