"""Compile the hot path with mypyc where there is a C compiler, and make the page of PyPI.

The rest is in pyproject.toml.

One source: what is compiled is installed as Python too. COOLAMQP_PURE in the environment has
nothing compiled here, or at import nothing compiled used. The build says which of the two it is.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from setuptools import setup

# Floors 1 and 2, and what else every message passes.
HOT = (
    'framing/*.py',
    'uplink/*.py',
    'timers.py',
    'objects/message.py',
    'attaches/ack_ledger.py',
    'attaches/channeler.py',
    'attaches/confirm_channel.py',
    'attaches/counters.py',
    'attaches/delivery.py',
    'attaches/effects.py',
    'attaches/lanes.py',
    'attaches/pauses.py',
    'attaches/plain_publisher.py',
    'attaches/publication.py',
    'attaches/publish_ledger.py',
    'attaches/publish_times.py',
    'attaches/publisher.py',
    'attaches/mailbox.py',
    'attaches/refusals.py',
    'attaches/returns.py',
    'attaches/subscription.py',
    'attaches/suspects.py',
    'supervisor/admission.py',
    'supervisor/engine.py',
    'supervisor/link.py',
    'supervisor/mailboxes.py',
    'supervisor/registry.py',
    'supervisor/states.py',
    'supervisor/watermarks.py',
    'supervisor/window.py',
    'api/base_driver.py',
    'api/guarded.py',
    'api/postponed.py',
    'clustering/admission.py',
    'clustering/condition.py',
    'clustering/dispatcher.py',
    'clustering/driver.py',
    'clustering/io_thread.py',
    'clustering/leader.py',
    'aio/dispatcher.py',
    'aio/driver.py',
)
# But for these, whose objects programs make: what they may be made of is for us to say, in our
# words, and not for mypyc.
INTERPRETED = ('framing/frames.py', 'framing/properties.py')


def extensions() -> list[Any]:
    """Return the modules to compile; none if that is not wanted or not possible."""
    if os.environ.get('COOLAMQP_PURE'):
        return not_compiled('COOLAMQP_PURE is set')
    if not can_compile():
        return not_compiled('there is no C compiler, or no Python.h for it')
    from mypyc.build import mypycify  # noqa: PLC0415 - needed only here

    package = Path('src/coolamqp')
    hot = {path for pattern in HOT for path in package.glob(pattern)}
    hot -= {package / path for path in INTERPRETED}
    # What the optional parts need, and its types, is not here when a wheel is built.
    options = ['--ignore-missing-imports']
    return list(mypycify(options + sorted(map(str, hot)), group_name='coolamqp'))


def not_compiled(why: str) -> list[Any]:
    """Print why nothing is compiled, and return no modules."""
    print(f'CoolAMQP: pure Python, not compiled, and slower for it: {why}', file=sys.stderr)
    return []


def can_compile() -> bool:
    """Whether the compiler that made this Python is here, and finds its headers."""
    compiler = shlex.split(sysconfig.get_config_var('CC') or 'cc')
    with tempfile.TemporaryDirectory(prefix='coolamqp-') as folder:
        source = Path(folder) / 'probe.c'
        source.write_text('#include <Python.h>\n')
        headers = f'-I{sysconfig.get_path("include")}'
        command = [*compiler, headers, '-c', str(source), '-o', str(source.with_suffix('.o'))]
        try:
            done = subprocess.run(command, capture_output=True, check=False)
        except OSError:
            return False
    return done.returncode == 0


def page() -> str:
    """Return README.md without pictures and links of this folder, which PyPI does not have."""
    text = Path('README.md').read_text('utf-8')
    text = re.sub(r'!\[[^\]]*\]\((?!https?:)[^)]*\)\n+', '', text)
    return re.sub(r'\[([^\]]+)\]\((?!https?:)[^)]*\)', r'\1', text)


setup(
    ext_modules=extensions(),
    long_description=page(),
    long_description_content_type='text/markdown',
)
