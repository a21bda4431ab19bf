"""The demo: the whole standard library goes through a RabbitMQ that restarts half-way.

Run it by `make demo`. `broker` is where the RabbitMQ comes from, `transfer` sends and receives,
`tally` counts, `display` shows it on a terminal.
"""
