"""One run of one client in a process of its own: python -m bench.child MODULE DISTRIBUTION TASK.

Talks with the runner over its standard input and output, a line each: it says `ready` once
everything is imported, begins when it is told `go`, says `started` when the queue is to be filled
after that, and in the end gives the result as JSON.
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

# A client that waits for ever is shown with the stacks of all its threads.
TIMEOUT: Final = 120


def main() -> None:
    """Do the work, and print what came of it."""
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
    """Tell what is measured, and if it is ours, in which form. The floor has no distribution."""
    if not distribution:
        return ''
    compiled = getattr(sys.modules.get('coolamqp'), 'compiled', None)
    form = {None: '', True: ' compiled', False: ' not compiled'}[compiled]
    return importlib.metadata.version(distribution) + form


def inability(module: ModuleType, task: Task) -> str | None:
    """Tell what the adapter says its client cannot do."""
    if task.undisturbed_work not in module.WORKS:
        return str(module.UNABLE[task.undisturbed_work])
    if task.threads > 1 and 'threads' not in module.ABILITIES:
        return 'one thread only'
    if task.consumers > 1 and 'consumers' not in module.ABILITIES:
        return 'measured with one consumer only'
    return None


def run(module: ModuleType, task: Task) -> Measurement:
    """Run the adapter's function for the work."""
    if task.busy:
        threading.Thread(target=_be_busy, daemon=True).start()
    measurement: Measurement = module.WORKS[task.undisturbed_work](task)
    measurement.peak = peak_memory()
    return measurement


def _be_busy() -> None:
    turns = 0
    while True:
        turns += 1


if __name__ == '__main__':
    main()
