"""The calls of a Cluster, which are the same for threads and for asyncio (floor 3).

A call checks its arguments and becomes a command for the engine. The Clusters for threads and for
asyncio add the access to the engine, and their class of futures.
"""
