"""The end of a program: everything begins to end before anything is waited for."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from coolamqp.clustering import at_exit

class Ending:
    def begin_exit(self):
        print('begin')

    def await_exit(self):
        print('await')

endings = [Ending(), Ending()]
for each in endings:
    at_exit.watch(each)
at_exit.watch(Ending())  # It is dropped, so nobody waits for it.
print('end')
"""


def test_all_begin_to_end_before_any_is_waited_for() -> None:
    program = subprocess.run([sys.executable, '-c', PROGRAM], capture_output=True, check=True)
    assert program.stdout.split() == [b'end', b'begin', b'begin', b'await', b'await']
    assert program.stderr == b''
