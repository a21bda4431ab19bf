"""Free TCP ports on loopback, for servers that must keep their port when they are restarted.

Not for sockets that can bind port 0 and stay bound.
"""

from __future__ import annotations

import random
import socket

HOST = '127.0.0.1'

# Below the range from which the system takes the ports of outgoing connections (32768 and up,
# Linux's ip_local_port_range). A port from that range could be taken by somebody's connection while
# the server is down, or a client that retries could even be connected to itself.
_PORTS = range(20000, 32000)


def free_port() -> int:
    """Return a port on which nothing listens at the moment."""
    for port in random.sample(_PORTS, k=200):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    message = f'200 random ports of {_PORTS} are all in use; something is wrong on this machine'
    raise OSError(message)
