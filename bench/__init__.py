"""How fast CoolAMQP is beside other clients, on one machine, in one run. Run by `make bench`."""
