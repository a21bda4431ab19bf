"""One connection to one broker (floor 2), sans-I/O.

Handshake, limits, heartbeats, channels and content. Bytes and `now` come in, bytes and calls to
an observer go out. Knows nothing of sockets, of other nodes, or of what a channel is used for.
"""
