"""`python -m coolamqp`, and what it says without the packages of the extra."""

from __future__ import annotations

import subprocess
import sys

import coolamqp


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_it_is_the_command() -> None:
    ended = run('-m', 'coolamqp', '--version')

    assert (ended.returncode, ended.stdout) == (0, f'coolamqp, version {coolamqp.__version__}\n')


def test_without_click_it_says_what_to_install() -> None:
    ended = run(
        '-c',
        "import sys; sys.modules['click'] = None; import coolamqp.cli as c; sys.exit(c.main())",
    )

    assert ended.returncode == 2
    assert ended.stderr == ("coolamqp: the command needs click; run: pip install 'coolamqp[cli]'\n")


def test_without_trustme_it_says_what_to_install_for_tls() -> None:
    ended = run(
        '-c',
        "import sys; sys.modules['trustme'] = None; sys.argv[1:] = ['broker', '--tls']\n"
        'import coolamqp.cli as c; sys.exit(c.main())',
    )

    assert ended.returncode == 2
    assert ended.stderr == (
        "coolamqp: the command needs trustme; run: pip install 'coolamqp[cli]'\n"
    )


def test_programs_do_not_import_what_the_command_needs() -> None:
    ended = run(
        '-c',
        'import sys, coolamqp.clustering, coolamqp.aio, coolamqp.broker.__main__\n'
        "sys.exit({'click', 'rich', 'trustme'} & set(sys.modules) != set())",
    )

    assert ended.returncode == 0
