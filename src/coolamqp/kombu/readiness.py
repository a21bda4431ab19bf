"""The readiness of a connection, for an event loop: a pipe that is readable while events wait.

The pull driver reads many events at once from the socket, which then looks idle to an event loop.
"""

from __future__ import annotations

import os


class Readiness:
    """A pipe that is readable while events wait."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        self._ready = False

    def fileno(self) -> int:
        """Return the file descriptor to watch."""
        return self._reading

    def show(self, ready: bool) -> None:
        """Make the pipe readable, or not."""
        if ready and not self._ready:
            os.write(self._writing, b'.')
        elif self._ready and not ready:
            os.read(self._reading, 1)
        self._ready = ready

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._reading)
        os.close(self._writing)
