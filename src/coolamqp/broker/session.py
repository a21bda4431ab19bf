"""The state that the channels of one connection share: user, virtual host and send buffer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from librt.strings import BytesWriter

from coolamqp.broker.base_queue import BaseQueue, QueueOwner
from coolamqp.broker.state import BrokerState
from coolamqp.framing.definitions import ConnectionBlocked, ConnectionUnblocked
from coolamqp.framing.frames import encode_method
from coolamqp.framing.hot import Buffer
from coolamqp.framing.send_buffer import SendBuffer

if TYPE_CHECKING:
    from coolamqp.broker.users import Access, User
    from coolamqp.broker.vhost import VirtualHost

# Deliveries stop when a connection has more unsent bytes than the first number, and resume when it
# has fewer than the second.
_CONGESTED_BYTES: Final = 1024 * 1024
_RELIEVED_BYTES: Final = 256 * 1024
# Nothing more is read from a connection that has this many bytes more to send than when its
# deliveries stopped: they are the answers to a client that asks and does not read.
_ANSWERS_BYTES: Final = 4 * 1024 * 1024
_REMEMBERED_CHECKS_MAX: Final = 10_000


class Session(QueueOwner):
    """The state that the channels of one connection share.

    :param number: the number of the connection in its broker
    :ivar congested: whether deliveries have stopped because of too many unsent bytes
    :ivar overloaded: whether requests wait too, because of even more unsent bytes
    :ivar ended: whether the connection has ended or is closing, so its channels get no deliveries
    :ivar wants_cancel_notices: whether the client has the capability `consumer_cancel_notify`
    :ivar wants_blocked_notices: whether the client has the capability `connection.blocked`
    :ivar blocked: whether the server does not read, because the client publishes during an alarm
    """

    def __init__(self, state: BrokerState, number: int) -> None:
        self.state = state
        self.number = number
        self.out = SendBuffer()
        self.frame_max = state.limits.frame_max
        self.exclusive_queues: dict[BaseQueue, None] = {}
        self.congested = False
        self.overloaded = False
        self._overloaded_at = 0
        self.ended = False
        self.wants_cancel_notices = False
        self.wants_blocked_notices = False
        self.blocked = False
        self._user: User | None = None
        self._vhost: VirtualHost | None = None
        self._allowed: set[tuple[Access, str, bytes]] = set()

    def log_in(self, user: User) -> None:
        """Set the user."""
        self._user = user

    def open(self, vhost: VirtualHost) -> None:
        """Set the virtual host."""
        self._vhost = vhost

    @property
    def user(self) -> User:
        """The user, after the login."""
        if self._user is None:
            raise RuntimeError('the client has not logged in')
        return self._user

    @property
    def vhost(self) -> VirtualHost:
        """The virtual host, after connection.open."""
        if self._vhost is None:
            raise RuntimeError('no virtual host is open')
        return self._vhost

    @property
    def is_open(self) -> bool:
        """Whether a virtual host is open."""
        return self._vhost is not None

    def check(self, access: Access, kind: str, name: bytes) -> None:
        """Check the permission of the user for an exchange or a queue. Cache a granted permission.

        :raises Refusal: the user does not have the permission
        """
        key = (access, kind, name)
        if key not in self._allowed:
            self.user.check(access, self.vhost.name, kind, name)
            if len(self._allowed) < _REMEMBERED_CHECKS_MAX:
                self._allowed.add(key)

    def forget_checks(self) -> None:
        """Clear the cache of permissions."""
        self._allowed.clear()

    def queue_deleted(self, queue: BaseQueue) -> None:
        """Remove an exclusive queue from the list of the connection."""
        self.exclusive_queues.pop(queue, None)

    def writer(self) -> BytesWriter:
        """Return a writer for small frames."""
        self.state.outgoing.add(self.number)
        return self.out.writer()

    def send(self, data: Buffer) -> None:
        """Send bytes."""
        self.state.outgoing.add(self.number)
        self.out.append(data)

    def block(self) -> None:
        """Stop reading from a client that publishes during an alarm; send connection.blocked."""
        if not self.blocked:
            self.blocked = True
            self.state.outgoing.add(self.number)
            if self.wants_blocked_notices:
                self.send(encode_method(0, ConnectionBlocked(self.state.alarm)))

    def unblock(self) -> None:
        """Read again after the end of an alarm, and send connection.unblocked."""
        if self.blocked:
            self.blocked = False
            self.state.outgoing.add(self.number)
            if self.wants_blocked_notices:
                self.send(encode_method(0, ConnectionUnblocked()))

    def check_congestion(self) -> None:
        """Stop deliveries if the connection has too many unsent bytes, then requests too."""
        size = self.out.size
        if self.congested:
            self.overloaded = self.overloaded or size > self._overloaded_at
        elif size > _CONGESTED_BYTES:
            self.congested = True
            self._overloaded_at = size + _ANSWERS_BYTES

    def relieved(self) -> bool:
        """Whether deliveries and requests had stopped and can resume now."""
        if self.congested and self.out.size < _RELIEVED_BYTES:
            self.congested = self.overloaded = False
            return True
        return False
