"""The calls of a Cluster, without saying how it waits (floor 3).

A call is checked here and becomes a command for the engine. The Clusters for threads and asyncio
add how they reach the engine, and which kind of future their programs wait for.
"""
