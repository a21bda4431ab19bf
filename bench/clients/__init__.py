"""The adapters of the clients. Each follows the documentation of its client.

An adapter has `WORKS`, a function for each work that its client supports, `UNABLE`, the reasons for
the other works, and `ABILITIES`, a set of `threads` (several publishing threads) and `consumers`
(many consumers). A function carries out a task and returns its measurement. The measurement starts
with the first message. It ends when the last message is received, or when the broker has answered
after it. The function raises if messages are lost.
"""
