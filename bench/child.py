"""One run of one client in a process of its own: python -m bench.child CLIENT WORK URL QUEUE N."""

from __future__ import annotations

import importlib
import json
import sys


def main() -> None:
    """Do the work, and print the measurement as JSON."""
    client, work, url, queue, messages = sys.argv[1:]
    module = importlib.import_module(f'bench.clients.{client}')
    measurement = module.run(work, url, queue, int(messages))
    print(json.dumps(measurement.as_dict()))


if __name__ == '__main__':
    main()
