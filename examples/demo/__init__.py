"""The demo: it sends Python's standard library through a broker that restarts half-way.

Run it with `make demo`. `broker` starts or reaches the broker, `transfer` sends and receives,
`tally` counts, and `display` shows the counts on a terminal.
"""
