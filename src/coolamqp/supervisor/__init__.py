"""The engine (floor 3): keeps one Cluster connected and everything on it restored, sans-I/O.

Calls, bytes and `now` come in; bytes, effects and the wish for a transport go out. Both faces
drive the same engine. It has no clock and no randomness but what is passed to it.
"""
