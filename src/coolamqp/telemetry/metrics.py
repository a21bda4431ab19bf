"""The metrics of a Cluster: their names, and the statistics that they show.

Every kind of telemetry takes its metrics from this table, so they all have the same ones. The
labels are the name of the Cluster and, of two metrics, a state or a cause. So their number is
bounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol


class Observed(Protocol):
    """A Cluster, for threads or for asyncio.

    :ivar name: its name
    """

    @property
    def name(self) -> str:
        """The name, the value of the label `cluster`."""

    def stats(self) -> Any:
        """Return the statistics."""


@dataclass(frozen=True)
class Metric:
    """A metric with one value.

    :ivar field: the name of the value in the statistics
    :ivar name: the words of the name of the metric, with dots, without a unit
    :ivar unit: the unit of UCUM, such as `s` or `{message}`; empty for 0 or 1
    :ivar text: the description
    :ivar is_counter: whether the value only grows
    """

    field: str
    name: str
    unit: str
    text: str
    is_counter: bool = False


def _counter(field: str, name: str, unit: str, text: str) -> Metric:
    return Metric(field, name, unit, text, is_counter=True)


METRICS: Final = (
    # The connection
    Metric('connected', 'connected', '', 'Whether there is a restored connection'),
    Metric('blocked', 'blocked', '', 'Whether the broker blocks the connection'),
    Metric('reading', 'reading', '', 'Whether CoolAMQP reads; not while callbacks are too slow'),
    Metric('channels', 'channels', '{channel}', 'Open channels'),
    Metric('unsent_bytes', 'unsent', 'By', 'Size of the send buffer'),
    _counter('blocked_seconds', 'blocked.time', 's', 'Time in which the connection was blocked'),
    _counter('connections', 'connections', '{connection}', 'Established connections'),
    _counter('failed_connects', 'connects.failed', '{attempt}', 'Failed tries to connect'),
    _counter(
        'heartbeats_missed', 'heartbeats.missed', '{heartbeat}', 'Intervals of a silent broker'
    ),
    # Publishing
    _counter('published', 'messages.published', '{message}', 'Messages to publish'),
    _counter('confirmed', 'messages.confirmed', '{message}', 'Messages that the broker confirmed'),
    _counter('refused', 'messages.refused', '{message}', 'Messages refused for good'),
    _counter('returned', 'messages.returned', '{message}', 'Unroutable mandatory messages'),
    _counter('dropped', 'messages.dropped', '{message}', 'Messages without confirm not sent'),
    _counter('nacked', 'messages.nacked', '{message}', 'Nacks of the broker'),
    _counter('resent', 'messages.resent', '{message}', 'Messages sent again; duplicates perhaps'),
    Metric('unconfirmed', 'unconfirmed.messages', '{message}', 'Unconfirmed messages'),
    Metric('unconfirmed_bytes', 'unconfirmed.size', 'By', 'Size of the unconfirmed messages'),
    Metric('unconfirmed_age', 'unconfirmed.age', 's', 'Age of the oldest unconfirmed message'),
    Metric('waiting', 'waiting.messages', '{message}', 'Messages that wait for room'),
    # Consuming
    Metric('consumers', 'consumers', '{consumer}', 'Consumers'),
    Metric('consumers_online', 'consumers.online', '{consumer}', 'Consumers with deliveries'),
    _counter('delivered', 'messages.delivered', '{message}', 'Messages from the broker'),
    _counter('acked', 'messages.acked', '{message}', 'Acknowledged messages'),
    _counter('requeued', 'messages.requeued', '{message}', 'Messages put back into their queue'),
    _counter('rejected', 'messages.rejected', '{message}', 'Messages dropped or dead-lettered'),
    Metric('unsettled', 'unsettled.messages', '{message}', 'Delivered and unsettled messages'),
    Metric('backlog', 'backlog.messages', '{message}', 'Messages that wait for callbacks'),
    Metric('backlog_bytes', 'backlog.size', 'By', 'Size of the messages that wait for callbacks'),
    Metric('callbacks_running', 'callbacks.running', '{callback}', 'Running callbacks'),
)

# These have two counters: how many, and for how many seconds together.
CALLBACKS: Final = _counter('callbacks', 'callbacks', '{callback}', 'Ended callbacks')
CALLBACK_TIME: Final = _counter('callback_seconds', 'callbacks.time', 's', 'Time in callbacks')

# These have a value for each label.
RECONNECTS: Final = _counter('reconnects', 'reconnects', '{reconnect}', 'Lost connections by cause')
STATE: Final = Metric('state', 'connection.state', '', '1 for the present state, 0 for others')
STATES: Final = (
    'idle',
    'connecting',
    'shaking hands',
    'restoring',
    'up',
    'waiting',
    'cancelling',
    'draining',
    'closing',
    'stopped',
)
