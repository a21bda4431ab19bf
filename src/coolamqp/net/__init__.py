"""A non-blocking socket, and TLS over it (floor 4): for drivers without an event loop.

Moves bytes to one node and back, and never waits. Knows nothing of what the bytes mean.
"""
