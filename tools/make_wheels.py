"""Build a wheel for each installed Python, and test it in an empty environment.

    python -m tools.make_wheels

Each wheel has its own virtual environments in a temporary folder, without access to the sources.
The test sends a message through a RabbitMQ. The wheels are in dist/ afterwards.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.support.rabbitmq import RabbitMQNode

VERSIONS: Final = ('3.11', '3.12', '3.13')
ROOT: Final = Path(__file__).parent.parent
DIST: Final = ROOT / 'dist'

TRIAL: Final = """
import sys, coolamqp
from coolamqp.clustering import Cluster
from coolamqp.objects import Message, Queue

assert coolamqp.compiled, 'the wheel is not compiled'
with Cluster(sys.argv[1]) as cluster:
    cluster.declare(Queue('trial')).result(10)
    cluster.publish(Message(b'hello'), routing_key='trial', confirm=True).result(10)
    assert cluster.get('trial', no_ack=True).result(10).body == b'hello'
print(f'Python {sys.version.split()[0]}: a compiled wheel, and it works')
"""


def main() -> None:
    """Build and test a wheel for each version."""
    interpreters = {version: find(version) for version in VERSIONS}
    for version, python in interpreters.items():
        if python is None:
            print(f'Python {version} is not installed: no wheel for it', file=sys.stderr)
    node = RabbitMQNode()
    try:
        node.start()
        url = f'amqp://{node.user}:{node.password}@{node.host}:{node.port}/'
        for python in interpreters.values():
            if python is not None:
                try_out(python, make(python), url)
    finally:
        node.close()


def find(version: str) -> str | None:
    """Return a working interpreter from the PATH or from pyenv; None if there is none."""
    name = f'python{version}'
    kept = sorted(Path.home().glob(f'.pyenv/versions/{version}.*/bin/{name}'))
    for candidate in (shutil.which(name), *map(str, kept)):
        if candidate is not None and runs(candidate):
            return candidate
    return None


def runs(python: str) -> bool:
    """Whether an interpreter works: pyenv also has commands for versions that are not installed."""
    done = subprocess.run(
        [python, '-c', 'import venv, ensurepip'], capture_output=True, check=False
    )
    return done.returncode == 0


def make(python: str) -> Path:
    """Build a wheel from a copy of the sources. Return its path."""
    with tempfile.TemporaryDirectory(prefix='coolamqp-') as folder:
        source = Path(folder) / 'source'
        source.mkdir()
        for name in ('setup.py', 'pyproject.toml', 'README.md', 'LICENSE'):
            shutil.copy(ROOT / name, source)
        ignored = shutil.ignore_patterns('*.so', '__pycache__', '*.egg-info')
        shutil.copytree(ROOT / 'src', source / 'src', ignore=ignored)
        pip = environment(python, Path(folder) / 'venv')
        run(*pip, 'wheel', '--no-deps', '--wheel-dir', str(Path(folder) / 'made'), str(source))
        (wheel,) = (Path(folder) / 'made').glob('*.whl')
        DIST.mkdir(exist_ok=True)
        return Path(shutil.copy(wheel, DIST))


def try_out(python: str, wheel: Path, url: str) -> None:
    """Install a wheel in a new environment, and send a message with it."""
    with tempfile.TemporaryDirectory(prefix='coolamqp-') as folder:
        pip = environment(python, Path(folder) / 'venv')
        run(*pip, 'install', str(wheel))
        run(pip[0], '-I', '-c', TRIAL, url)


def environment(python: str, folder: Path) -> list[str]:
    """Make a virtual environment. Return the command for its pip."""
    run(python, '-m', 'venv', str(folder))
    return [str(folder / 'bin' / 'python'), '-m', 'pip', '--quiet', '--disable-pip-version-check']


def run(*command: str) -> None:
    """Run a command. Raise `CalledProcessError` if it fails."""
    subprocess.run(command, check=True, cwd=tempfile.gettempdir())


if __name__ == '__main__':
    main()
