"""One adapter a client, each written as that client's documentation recommends.

An adapter has `WORKS`, a function for each work that its client can do, `UNABLE`, the reason for
each that it cannot, and `ABILITIES`, which of `threads` (publishing from several) and `consumers`
(many at once) it can do. A function does a task and gives its measurement, taken from the first
message to when the last was received or the broker has answered behind it, and raises if anything
was lost.
"""
