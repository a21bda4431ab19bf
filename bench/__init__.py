"""How fast CoolAMQP is beside other clients, on one machine, in one run. Run by `make bench`.

`__main__` takes a `plan` (what is measured), has the `runner` do it, and prints `tables`. Each run
is a `child` process, in an environment of the client's own, which is told its `task` on the command
line and hands back a `measurement`. What such a process imports of this package needs nothing but
the standard library and the client.
"""
