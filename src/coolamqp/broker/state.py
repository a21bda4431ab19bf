"""The state that all connections of a broker share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from coolamqp.broker.memory import Memory
from coolamqp.broker.published import Published
from coolamqp.broker.storage import Storage
from coolamqp.broker.users import Permissions, Users
from coolamqp.broker.vhost import VirtualHost
from coolamqp.framing.field_table import Arguments
from coolamqp.timers import Timers

if TYPE_CHECKING:
    from coolamqp.broker.message import BrokerMessage

# The defaults of RabbitMQ: heartbeat (seconds), frame_max (bytes), channel_max, max_message_size.
HEARTBEAT: Final = 60
FRAME_MAX: Final = 131072
CHANNEL_MAX: Final = 2047
MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024
MEMORY_BYTES_MAX: Final = 1024 * 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """The limits of a broker.

    :param heartbeat: the heartbeat interval to propose, in seconds; 0 for no heartbeats
    :param frame_max: the longest frame, in bytes
    :param channel_max: the largest number of channels of a connection
    :param message_bytes_max: the largest body, in bytes
    :param memory_bytes_max: bytes that messages may use before publishers are blocked
    """

    heartbeat: int = HEARTBEAT
    frame_max: int = FRAME_MAX
    channel_max: int = CHANNEL_MAX
    message_bytes_max: int = MESSAGE_BYTES_MAX
    memory_bytes_max: int = MEMORY_BYTES_MAX


@dataclass
class Faults:
    """The faults that wait for the next publications with confirms.

    :ivar nacks: the number of publications to refuse
    :ivar lost_confirms: the number of confirms not to send
    """

    nacks: int = 0
    lost_confirms: int = 0


class Flushable(ABC):
    """An object that collects output until the broker has processed all bytes of one read."""

    @abstractmethod
    def flush(self) -> None:
        """Write the output."""


class ReplyReceiver(ABC):
    """A consumer of amq.rabbitmq.reply-to: https://www.rabbitmq.com/docs/direct-reply-to."""

    @abstractmethod
    def deliver_reply(self, message: BrokerMessage) -> None:
        """Send a reply to the client."""


@dataclass
class BrokerState:
    """The state that all connections of a broker share.

    :ivar outgoing: the numbers of the connections with bytes to send, with a transport to close, or
        with a change of `wants_read`
    :ivar flushable: the objects to flush before the server sends bytes
    :ivar replies: the receivers of direct replies, by routing key
    :ivar published: the messages that clients published last
    :ivar memory: the estimate of the memory that messages use
    :ivar alarm: the reason for which publishers are blocked; empty if they are not
    """

    server_properties: Arguments
    limits: Limits
    timers: Timers
    store: Storage
    wall_time: Callable[[], float]
    users: Users = field(default_factory=Users)
    vhosts: dict[str, VirtualHost] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    outgoing: set[int] = field(default_factory=set)
    flushable: dict[Flushable, None] = field(default_factory=dict)
    alarm: str = ''
    replies: dict[bytes, ReplyReceiver] = field(default_factory=dict)
    published: Published = field(default_factory=Published)

    def __post_init__(self) -> None:
        self.memory = Memory(self.limits.memory_bytes_max)

    def add_vhost(self, name: str) -> VirtualHost:
        """Add a virtual host; return the existing one if there is one."""
        vhost = self.vhosts.get(name)
        if vhost is None:
            vhost = VirtualHost(name, self.timers, self.store, self.wall_time, self.memory)
            self.vhosts[name] = vhost
            self.store.add_vhost(name)
        return vhost

    def permit(self, user: str, vhost: str, permissions: Permissions) -> None:
        """Set the permissions of a user in a virtual host.

        :raises KeyError: there is no such user
        """
        self.users.find(user).permissions[vhost] = permissions

    def flush(self) -> None:
        """Commit the store, then flush: a message is on disk before its confirm is sent."""
        self.store.commit()
        while self.flushable:
            flushable = next(iter(self.flushable))
            del self.flushable[flushable]
            flushable.flush()
