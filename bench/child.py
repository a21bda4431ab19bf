"""One run of one client in its own process: python -m bench.child MODULE DISTRIBUTION TASK.

It exchanges lines with the runner over its standard input and output. It writes `ready` after all
imports, and waits for `go`. It writes `started` if the runner must fill the queue then. At the end
it writes the result as JSON.
"""

from __future__ import annotations

import faulthandler
import importlib
import importlib.metadata
import json
import sys
import threading
from dataclasses import asdict
from types import ModuleType
from typing import Any, Final

from bench.measurement import Measurement, peak_memory
from bench.task import Task

# After this many seconds, the process prints the stacks of all its threads and ends.
TIMEOUT: Final = 120


def main() -> None:
    """Run the task, and print the result."""
    name, distribution, text = sys.argv[1:]
    task = Task.from_json(text)
    module = importlib.import_module(name)
    faulthandler.dump_traceback_later(TIMEOUT, exit=True)
    result: dict[str, Any] = {'version': version(distribution)}
    if reason := inability(module, task):
        print(json.dumps(result | {'unable': reason}))
        return
    print('ready', flush=True)
    if sys.stdin.readline() == 'go\n':
        measurement = run(module, task)
        print(json.dumps(result | {'measurement': asdict(measurement)}))


def version(distribution: str) -> str:
    """Return the version of a client; empty for the raw socket. Ours says if it is compiled."""
    if not distribution:
        return ''
    compiled = getattr(sys.modules.get('coolamqp'), 'compiled', None)
    form = {None: '', True: ' compiled', False: ' not compiled'}[compiled]
    return importlib.metadata.version(distribution) + form


def inability(module: ModuleType, task: Task) -> str | None:
    """Return the reason why the client cannot do the task; None if it can."""
    if task.undisturbed_work not in module.WORKS:
        return str(module.UNABLE[task.undisturbed_work])
    if task.threads > 1 and 'threads' not in module.ABILITIES:
        return 'one thread only'
    if task.consumers > 1 and 'consumers' not in module.ABILITIES:
        return 'measured with one consumer only'
    return None


def run(module: ModuleType, task: Task) -> Measurement:
    """Run the function of the adapter for the work."""
    if task.busy:
        threading.Thread(target=_be_busy, daemon=True).start()
    measurement: Measurement = module.WORKS[task.undisturbed_work](task)
    measurement.peak = peak_memory()
    return measurement


def _be_busy() -> None:
    count = 0
    while True:
        count += 1


if __name__ == '__main__':
    main()
