"""Counters: what the attaches of one engine have done so far, for the statistics of a Cluster."""

from __future__ import annotations


class Counters:
    """The counters of one engine. They only grow.

    :ivar committed: the messages sent in transactions
    :ivar dropped: the messages without a confirm that were dropped, because nothing could be sent
    :ivar returned: the mandatory messages that the broker has returned
    :ivar refused: the messages that the broker has refused for good
    :ivar nacked: the nacks (`basic.nack`) of the broker; most of these messages are resent
    :ivar resent: the messages that had lost their channel before their confirm
    :ivar delivered: the messages from the broker, for consumers and for `get`
    :ivar acked: the acknowledged messages
    :ivar requeued: the messages that the program has requeued
    :ivar rejected: the messages that the program has rejected without requeue
    """

    def __init__(self) -> None:
        self.committed = 0
        self.dropped = 0
        self.returned = 0
        self.refused = 0
        self.nacked = 0
        self.resent = 0
        self.delivered = 0
        self.acked = 0
        self.requeued = 0
        self.rejected = 0
