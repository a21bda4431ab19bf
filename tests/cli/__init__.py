"""Tests of the `coolamqp` command. Most of them run it as a process."""
