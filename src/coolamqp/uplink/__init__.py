"""One connection to one broker (floor 2), the client's side of it, sans-I/O.

Handshake, login, limits and channels, on the wire of `framing`. Bytes and `now` come in, bytes and
calls of an observer go out. Knows nothing of sockets, of other nodes, or of what a channel is for.
"""
