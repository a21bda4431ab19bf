"""The wire (floor 1): bytes to frames, methods, tables and properties, and back.

Pure functions and small data classes. Knows nothing of connections, channels in use, or time.
"""
