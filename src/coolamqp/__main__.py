"""The `coolamqp` command as `python -m coolamqp`."""

from __future__ import annotations

import sys

from coolamqp.cli import main

if __name__ == '__main__':
    sys.exit(main())
