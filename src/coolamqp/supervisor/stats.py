"""Statistics of one Cluster: a snapshot of its counters and states, and a judgement on its health.

A snapshot reads what the parts of the engine count anyway, so a message costs nothing more for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from coolamqp.attaches.channeler import ST_ONLINE
from coolamqp.exceptions import AMQPError, WireError
from coolamqp.supervisor.mailboxes import Mailboxes
from coolamqp.supervisor.registry import Registry
from coolamqp.supervisor.states import UP, EngineState
from coolamqp.supervisor.window import PublishWindow
from coolamqp.uplink.connection import Connection

ReconnectCause: TypeAlias = Literal[
    'heartbeat_timeout', 'closed_by_broker', 'protocol_error', 'network'
]
RECONNECT_CAUSES: Final[tuple[ReconnectCause, ...]] = (
    'heartbeat_timeout',
    'closed_by_broker',
    'protocol_error',
    'network',
)
# `Cluster.health` tolerates unconfirmed messages up to this age, in seconds.
UNCONFIRMED_AGE_MAX: Final = 60.0


@dataclass(frozen=True)
class Stats:
    """The statistics of a Cluster at one moment, from `Cluster.stats`.

    Counters count since the Cluster was made, across all its connections, and never decrease.

    :ivar state: the state of the connection: 'idle', 'connecting', 'shaking hands', 'restoring',
        'up', 'waiting' (to connect again), 'cancelling', 'draining', 'closing' or 'stopped'
    :ivar connected: whether there is a connection with restored topology and consumers
    :ivar blocked: whether the broker blocks the connection
    :ivar blocked_seconds: counter of the seconds in which the broker blocked the connection
    :ivar connections: counter of the established connections
    :ivar failed_connects: counter of the tries to connect that failed
    :ivar reconnects: counter of the lost connections, which CoolAMQP makes again, by the cause:
        'heartbeat_timeout' (the broker was silent), 'closed_by_broker' (it closed the connection
        with an error), 'protocol_error' (it violated the protocol) or 'network' (all others)
    :ivar heartbeats_missed: counter of the heartbeat intervals in which the broker was silent
    :ivar channels: the number of open channels
    :ivar unsent_bytes: the size of the send buffer, in bytes
    :ivar reading: whether CoolAMQP reads; it stops while callbacks are too slow
    :ivar published: counter of the messages to publish, with and without confirm, requests too
    :ivar confirmed: counter of the messages that the broker has confirmed
    :ivar refused: counter of the messages that the broker has refused for good
    :ivar returned: counter of the mandatory messages that the broker has returned
    :ivar dropped: counter of the messages without confirm that were dropped without a connection
    :ivar nacked: counter of the nacks of the broker (`basic.nack`); CoolAMQP resends the message
    :ivar resent: counter of the messages sent again after the loss of their channel; the broker may
        have each of them twice
    :ivar unconfirmed: the number of unconfirmed messages
    :ivar unconfirmed_bytes: their size with the overhead for each, as the publish window counts it
    :ivar unconfirmed_age: the age of the oldest unconfirmed message, in seconds; 0 if there is none
    :ivar waiting: the number of messages that wait for room in the publish window
    :ivar consumers: the number of consumers
    :ivar consumers_online: the number of consumers that the broker delivers to
    :ivar delivered: counter of the messages that came from the broker, for consumers and for `get`
    :ivar acked: counter of the acknowledged messages
    :ivar requeued: counter of the messages that went back into their queue by `nack` or `reject`
    :ivar rejected: counter of the messages that were dropped or dead-lettered by `nack` or `reject`
    :ivar unsettled: the number of delivered messages that consumers have not settled
    :ivar backlog: the number of messages that CoolAMQP has received and the program has not
    :ivar backlog_bytes: the size of their bodies
    :ivar callbacks: counter of the callbacks for messages that have ended; not of inline ones
    :ivar callback_seconds: counter of the seconds that these callbacks took, added up
    :ivar callbacks_running: the number of consumers, or their workers, that run callbacks
    """

    state: str
    connected: bool
    blocked: bool
    blocked_seconds: float
    connections: int
    failed_connects: int
    reconnects: dict[ReconnectCause, int]
    heartbeats_missed: int
    channels: int
    unsent_bytes: int
    reading: bool
    published: int
    confirmed: int
    refused: int
    returned: int
    dropped: int
    nacked: int
    resent: int
    unconfirmed: int
    unconfirmed_bytes: int
    unconfirmed_age: float
    waiting: int
    consumers: int
    consumers_online: int
    delivered: int
    acked: int
    requeued: int
    rejected: int
    unsettled: int
    backlog: int
    backlog_bytes: int
    callbacks: int
    callback_seconds: float
    callbacks_running: int


@dataclass(frozen=True)
class Health:
    """The health of a Cluster, from `Cluster.health`. It is true if there is no problem.

    `str()` gives one sentence, such as for the answer of a readiness probe.

    :ivar connected: whether there is a connection with restored topology and consumers
    :ivar blocked: whether the broker blocks the connection
    :ivar consumers: the number of consumers
    :ivar consumers_online: the number of consumers that the broker delivers to
    :ivar unconfirmed_age: the age of the oldest unconfirmed message, in seconds
    :ivar problems: what is wrong, in words; empty if the Cluster is healthy
    """

    connected: bool
    blocked: bool
    consumers: int
    consumers_online: int
    unconfirmed_age: float
    problems: tuple[str, ...]

    def __bool__(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        return '; '.join(self.problems) or 'the Cluster is healthy'


class ConnectionHistory:
    """What has happened to the connections of one engine.

    :ivar connections: the number of established connections
    :ivar failed_connects: the number of tries to connect that failed
    :ivar reconnects: the number of lost connections, by cause
    :ivar heartbeats_missed: the number of missed heartbeats on connections that have ended
    :ivar blocked: whether the broker blocks the connection
    """

    def __init__(self) -> None:
        self.connections = 0
        self.failed_connects = 0
        self.reconnects: dict[ReconnectCause, int] = dict.fromkeys(RECONNECT_CAUSES, 0)
        self.heartbeats_missed = 0
        self.blocked = False
        self._blocked_since = 0.0
        self._blocked_before = 0.0  # seconds

    def on_open(self) -> None:
        """Count a connection."""
        self.connections += 1

    def on_lost(self, cause: Exception, peer_silent: bool) -> None:
        """Count the loss of a connection."""
        self.reconnects[cause_of(cause, peer_silent)] += 1

    def on_blocked(self, blocked: bool, now: float) -> None:
        """Measure the time for which the connection is blocked."""
        self._blocked_before = self.blocked_seconds(now)
        self._blocked_since = now
        self.blocked = blocked

    def blocked_seconds(self, now: float) -> float:
        """Return how long connections were blocked, in seconds."""
        current = max(now - self._blocked_since, 0.0) if self.blocked else 0.0
        return self._blocked_before + current


def cause_of(error: Exception, peer_silent: bool) -> ReconnectCause:
    """Return the kind of an error that has ended a connection."""
    if peer_silent:
        return 'heartbeat_timeout'
    if isinstance(error, AMQPError):
        return 'closed_by_broker'
    return 'protocol_error' if isinstance(error, WireError) else 'network'


def take_stats(
    now: float,
    state: EngineState,
    reading: bool,
    connection: Connection | None,
    history: ConnectionHistory,
    registry: Registry,
    window: PublishWindow,
    mailboxes: Mailboxes,
) -> Stats:
    """Return the statistics of an engine. The caller holds the engine lock.

    The mailboxes have another lock, so their counters may be a moment older or newer.
    """
    counters, publisher = registry.counters, registry.publisher
    consumers = [each for each in registry.subscriptions if not each.cancelled]
    missed = 0 if connection is None else connection.heartbeats_missed
    return Stats(
        state=state.value,
        connected=state is UP,
        blocked=history.blocked,
        blocked_seconds=history.blocked_seconds(now),
        connections=history.connections,
        failed_connects=history.failed_connects,
        reconnects=dict(history.reconnects),
        heartbeats_missed=history.heartbeats_missed + missed,
        channels=0 if connection is None else connection.channel_count,
        unsent_bytes=0 if connection is None else connection.out.size,
        reading=reading,
        published=window.published + registry.requests + counters.committed,
        confirmed=publisher.confirmed,
        refused=counters.refused,
        returned=counters.returned,
        dropped=counters.dropped,
        nacked=counters.nacked,
        resent=counters.resent,
        unconfirmed=publisher.held,
        unconfirmed_bytes=publisher.held_bytes,
        unconfirmed_age=publisher.oldest_age(now),
        waiting=window.waiting_count,
        consumers=len(consumers),
        consumers_online=sum(each.state == ST_ONLINE for each in consumers),
        delivered=counters.delivered,
        acked=counters.acked,
        requeued=counters.requeued,
        rejected=counters.rejected,
        unsettled=sum(each.unsettled for each in consumers),
        backlog=mailboxes.watermarks.messages,
        backlog_bytes=mailboxes.watermarks.bytes,
        callbacks=mailboxes.callbacks,
        callback_seconds=mailboxes.callback_seconds,
        callbacks_running=mailboxes.running,
    )


def health_of(stats: Stats, unconfirmed_age_max: float | None = UNCONFIRMED_AGE_MAX) -> Health:
    """Return the health of a Cluster.

    :param unconfirmed_age_max: the greatest age of an unconfirmed message, in seconds; None for no
        limit
    """
    return Health(
        connected=stats.connected,
        blocked=stats.blocked,
        consumers=stats.consumers,
        consumers_online=stats.consumers_online,
        unconfirmed_age=stats.unconfirmed_age,
        problems=tuple(_problems_of(stats, unconfirmed_age_max)),
    )


def _problems_of(stats: Stats, unconfirmed_age_max: float | None) -> list[str]:
    problems = []
    if not stats.connected:
        problems.append(f'there is no connection to a broker (state: {stats.state})')
    if stats.blocked:
        problems.append('the broker blocks the connection: it lacks memory or disk space')
    offline = stats.consumers - stats.consumers_online
    if stats.connected and offline:
        problems.append(f'{offline} of {stats.consumers} consumers are not online')
    if unconfirmed_age_max is not None and stats.unconfirmed_age > unconfirmed_age_max:
        problems.append(f'a message is unconfirmed for {stats.unconfirmed_age:.0f} s')
    return problems
