"""What the faces for threads and for asyncio have in common (floor 3): calls, events, reports.

A call is checked here, turned into an order for the engine, and handed to the face, which knows how
to reach the engine and which kind of future its programs wait for.
"""
