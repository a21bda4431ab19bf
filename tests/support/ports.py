"""Free TCP ports on loopback, for servers that keep their port across a restart.

Other servers bind port 0.
"""

from __future__ import annotations

import random
import socket

HOST = '127.0.0.1'

# Linux chooses the ports of outgoing connections from 32768 up (ip_local_port_range). While a
# server with such a port is down, another connection could occupy the port, or a client that
# retries could connect to itself.
_PORTS = range(20000, 32000)


def free_port() -> int:
    """Return a port that is free at the moment."""
    for port in random.sample(_PORTS, k=200):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    message = f'200 random ports of {_PORTS} are all in use; look for programs that occupy them'
    raise OSError(message)
