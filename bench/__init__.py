"""The comparison of CoolAMQP with other clients, on one machine. `make bench` runs it.

`__main__` passes a `plan` to the `runner`, and prints `tables`. Each run is a `child` process in an
environment for one client. The process receives its `task` on the command line, and returns a
`measurement`. The modules that it imports need only the standard library and the client.
"""
