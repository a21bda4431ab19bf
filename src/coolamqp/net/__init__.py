"""Non-blocking sockets, and TLS over them (floor 4), for all drivers.

Moves bytes to one node and back, and never waits. Knows nothing of what the bytes mean.
"""
