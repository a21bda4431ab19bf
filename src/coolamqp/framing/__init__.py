"""The wire (floor 1): bytes to frames, methods, contents, tables and properties, and back.

All of it serves both directions and either side of a connection: it does not know which side it is
on. It owns no socket and reads no clock; it knows nothing of handshakes or of channels in use.
"""
