"""The engine (floor 3): it keeps one Cluster connected, and restores its topology and consumers.

It is sans-I/O. Calls, bytes and the time go in. Bytes, effects and the link to make go out. The
drivers for threads and for asyncio use the same engine. Clock and random numbers are arguments.
"""
