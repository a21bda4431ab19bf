"""The public class of the embedded broker: start and end, users, policies, and its contents."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import coolamqp
from coolamqp.broker.calls import DEFAULT_VHOST
from coolamqp.broker.core import BrokerCore
from coolamqp.broker.errors import shown
from coolamqp.broker.faults import FaultCalls
from coolamqp.broker.loop_thread import LoopThread, call_on, run_on
from coolamqp.broker.policies import Policy
from coolamqp.broker.server import Server
from coolamqp.broker.state import (
    HEARTBEAT,
    MEMORY_BYTES_MAX,
    MESSAGE_BYTES_MAX,
    BrokerState,
    Limits,
)
from coolamqp.broker.storage import Storage
from coolamqp.broker.store import DiskStore
from coolamqp.broker.users import EVERYTHING, Permissions
from coolamqp.broker.views import (
    ConnectionView,
    QueueCounts,
    QueueView,
    SeenMessage,
    count_queue,
    describe,
    see_connection,
    see_message,
    see_queue,
)
from coolamqp.broker.watching import WatchCalls
from coolamqp.timers import Timers

T = TypeVar('T')

GUEST = 'guest'
_FORCED = 'broker forced connection closure'
SERVER_PROPERTIES = {
    'product': 'CoolAMQP',
    'platform': 'Python',
    'cluster_name': 'coolamqp@localhost',
    'copyright': 'The authors of CoolAMQP',
    'information': 'An embedded broker for demos and tests; MIT licence',
    'capabilities': {
        'publisher_confirms': True,
        'exchange_exchange_bindings': True,
        'basic.nack': True,
        'consumer_cancel_notify': True,
        'connection.blocked': True,
        'consumer_priorities': True,
        'authentication_failure_close': True,
        'per_consumer_qos': True,
        'direct_reply_to': True,
    },
}


class Broker(WatchCalls, FaultCalls):
    """An AMQP 0-9-1 broker in this process, for demos, tests and small tools.

    It behaves like a single RabbitMQ node. It is not for production. The page "The embedded broker"
    of the documentation lists the differences.

    A `with` block runs the broker on a thread of its own. An `async with` block runs it on the
    event loop of the program. Any thread may call any method. The call runs on the thread of the
    broker, and returns when its effect is complete. It raises `RuntimeError` if it needs a running
    broker and the broker does not run.

    :param host: the address to listen on
    :param port: the port to listen on; 0 for any free port
    :param folder: the folder that stores durable queues, durable exchanges and persistent messages;
        None to store everything in memory
    :param tls: the TLS context of the server; None for no TLS
    :param users: passwords by user name; by default ``{'guest': 'guest'}``. These users have all
        permissions in ``/`` and in each virtual host that is added
    :param heartbeat: the heartbeat interval that the broker proposes to clients, in seconds; 0 for
        no heartbeats
    :param message_bytes_max: the largest body that the broker accepts, in bytes
    :param memory_bytes_max: the memory that messages may use before the broker blocks publishers,
        in bytes; the broker estimates it
    :raises OSError: `start` cannot listen on this address, or cannot create the folder
    :raises sqlite3.Error: `start` cannot open the folder; another broker may use it

    >>> with Broker() as broker:
    ...     broker.url.partition('@')[0]
    'amqp://guest:guest'
    """

    def __init__(
        self,
        *,
        host: str = '127.0.0.1',
        port: int = 0,
        folder: str | Path | None = None,
        tls: ssl.SSLContext | None = None,
        users: Mapping[str, str] | None = None,
        heartbeat: int = HEARTBEAT,
        message_bytes_max: int = MESSAGE_BYTES_MAX,
        memory_bytes_max: int = MEMORY_BYTES_MAX,
    ) -> None:
        super().__init__()
        self._users = dict(users or {GUEST: GUEST})
        self._tls = tls
        self._folder = None if folder is None else Path(folder)
        self._limits = Limits(
            heartbeat=heartbeat,
            message_bytes_max=message_bytes_max,
            memory_bytes_max=memory_bytes_max,
        )
        self._state = self._make_state(Storage())
        for name, password in self._users.items():
            self._state.users.add(name, password)
        self._add_vhost(DEFAULT_VHOST)
        self._server = Server(BrokerCore(self._state), host, port, tls)
        self._server.on_event = self._watchers.notify
        self._thread: LoopThread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def _make_state(self, store: Storage) -> BrokerState:
        properties = {**SERVER_PROPERTIES, 'version': coolamqp.__version__}
        return BrokerState(properties, self._limits, Timers(time.monotonic()), store, time.time)

    def _add_vhost(self, name: str) -> None:
        self._state.add_vhost(name)
        for user in self._users:
            self._state.permit(user, name, Permissions())

    def _load(self) -> None:
        """Load the contents of the folder, if there is one. Keep users and published messages."""
        if self._folder is None:
            return
        store = DiskStore(self._folder, _wall_offset)
        old = self._state
        self._state = self._make_state(store)
        self._state.users, self._state.published = old.users, old.published
        self._server.core = BrokerCore(self._state)
        store.load(self._state)
        for name in (DEFAULT_VHOST, *self._state.vhosts):
            self._add_vhost(name)

    def _unload(self) -> None:
        """Delete everything that a restart does not keep, and close the store."""
        for vhost in self._state.vhosts.values():
            vhost.forget_transient()
        self._state.store.close()

    # Start and end

    def start(self) -> Self:
        """Start the broker on a thread of its own, and return when it listens.

        :returns: this broker
        :raises OSError: it cannot listen on this address, or cannot create the folder
        :raises sqlite3.Error: it cannot open the folder; another broker may use it
        :raises RuntimeError: the broker is running already
        """
        self._check_stopped()
        self._thread = LoopThread('coolamqp-broker')
        try:
            self._thread.run(self._start())
        except BaseException:
            self._end_thread()
            raise
        return self

    def stop(self) -> None:
        """Close all connections with 320 CONNECTION_FORCED, stop listening, and end the thread.

        Without effect if the broker does not run, or runs in an ``async with`` block.
        """
        if self._thread is not None:
            self._thread.run(self._stop())
            self._end_thread()

    def restart(self) -> None:
        """Stop the broker, and start it again on the same port.

        Durable exchanges, durable queues and the persistent messages in them survive, even without
        a folder.

        :raises RuntimeError: the broker is not running, or this is the thread of the broker, which
            cannot wait for itself
        """
        if self._loop is None:
            raise _not_running()

        async def restart() -> None:
            await self._stop()
            await self._start()

        run_on(self._loop, restart())

    def _check_stopped(self) -> None:
        if self._loop is not None:
            raise RuntimeError('the broker is running already')

    async def _start(self) -> None:
        self._check_stopped()
        self._load()
        try:
            await self._server.start()
        except BaseException:
            self._state.store.close()
            raise
        self._loop = asyncio.get_running_loop()

    async def _stop(self) -> None:
        self._loop = None
        await self._server.stop(_FORCED)
        self._unload()

    def _end_thread(self) -> None:
        if self._thread is not None:
            self._thread.close()
        self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await self._start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    def _call(self, function: Callable[[], T]) -> T:
        """Call a function on the thread of the broker, and send the resulting bytes."""
        if self._loop is None:
            raise _not_running()

        def call() -> T:
            self._state.timers.advance(self._server.now)
            try:
                return function()
            finally:
                self._server.flush()

        return call_on(self._loop, call)

    @property
    def is_running(self) -> bool:
        """Whether the broker is running."""
        return self._loop is not None

    # Addresses

    @property
    def host(self) -> str:
        """The address that the broker listens on."""
        return self._server.host

    @property
    def port(self) -> int:
        """The port that the broker listens on. With port 0, it is known after the start."""
        return self._server.port

    @property
    def url(self) -> str:
        """The address of the virtual host ``/`` with the first user, as amqp:// or amqps://."""
        return self.url_of(DEFAULT_VHOST)

    def url_of(self, vhost: str, user: str | None = None) -> str:
        """Return the address of a virtual host, as amqp:// or amqps://.

        :param vhost: the name of the virtual host; the method does not check that it exists
        :param user: the user to log in as; None for the first user of the broker
        :raises KeyError: the broker has no user of this name
        """
        name = next(iter(self._users)) if user is None else user
        password = self._state.users.find(name).password
        login = f'{quote(name, safe="")}:{quote(password, safe="")}'
        path = '' if vhost == DEFAULT_VHOST else quote(vhost, safe='')
        scheme = 'amqp' if self._tls is None else 'amqps'
        return f'{scheme}://{login}@{self.host}:{self.port}/{path}'

    # Virtual hosts, users, policies

    def add_vhost(self, name: str) -> str:
        """Add a virtual host in which the users given to `Broker` have all permissions.

        Keep the virtual host if it exists already.

        :returns: its address with the first user
        """
        self._call(lambda: self._add_vhost(name))
        return self.url_of(name)

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with its contents, and close its connections.

        :raises KeyError: the broker has no virtual host of this name
        """
        self._call(lambda: self._server.core.delete_vhost(name))

    def add_user(
        self,
        name: str,
        password: str,
        vhost: str | None = DEFAULT_VHOST,
        *,
        configure: str = EVERYTHING,
        write: str = EVERYTHING,
        read: str = EVERYTHING,
    ) -> None:
        """Add a user, or set the password and the permissions of an existing user.

        See https://www.rabbitmq.com/docs/access-control#authorisation for the permissions. An empty
        regular expression permits nothing.

        :param vhost: the virtual host in which the user has the permissions; None to add a user
            without permissions
        :param configure: a regular expression for the names of the queues and exchanges that the
            user may declare and delete
        :param write: a regular expression for the exchanges to which the user may publish, and for
            the queues and exchanges that the user may bind
        :param read: a regular expression for the queues from which the user may consume, and for
            the exchanges to which the user may bind
        :raises ValueError: a regular expression is invalid
        """
        permissions = Permissions(configure, write, read)

        def add() -> None:
            user = self._state.users.add(name, password)
            if vhost is not None:
                user.permissions[vhost] = permissions
            for connection in self._server.core.connections.values():
                connection.session.forget_checks()

        self._call(add)

    def delete_user(self, name: str) -> None:
        """Delete a user. Open connections of the user stay open.

        :raises KeyError: the broker has no user of this name
        """
        self._call(lambda: self._state.users.remove(name))

    def policy(
        self,
        pattern: str,
        *,
        vhost: str = DEFAULT_VHOST,
        apply_to: str = 'all',
        priority: int = 0,
        name: str | None = None,
        **definition: Any,
    ) -> None:
        """Set a policy: options for the queues and exchanges whose names match a pattern.

        The policy replaces an existing policy of the same name. See
        https://www.rabbitmq.com/docs/policies.

        :param pattern: a regular expression, which may match anywhere in a name
        :param apply_to: ``all``, ``queues``, ``exchanges``, ``classic_queues``, ``quorum_queues``
            or ``streams``
        :param priority: if several policies match a name, the one with the highest priority applies
        :param name: the name of the policy; by default the pattern
        :param definition: the options of RabbitMQ with underscores, such as ``message_ttl=1000``
            (milliseconds), ``max_length=10`` or ``dead_letter_exchange='dead'``
        :raises ValueError: an option is unknown, or `pattern` or `apply_to` is invalid
        :raises KeyError: the broker has no virtual host of this name

        >>> with Broker() as broker:
        ...     broker.policy('^orders', message_ttl=60_000)
        """
        options = {option.replace('_', '-'): value for option, value in definition.items()}
        policy = Policy(name or pattern, pattern, apply_to, priority, options)
        self._call(lambda: self._state.vhosts[vhost].set_policy(policy))

    def clear_policy(self, name: str, vhost: str = DEFAULT_VHOST) -> None:
        """Delete a policy; without effect if it does not exist.

        :raises KeyError: the broker has no virtual host of this name
        """
        self._call(lambda: self._state.vhosts[vhost].clear_policy(name))

    # Contents

    def queue(self, name: str, vhost: str = DEFAULT_VHOST) -> QueueView:
        """Return a view of a queue at this moment. Its messages stay in the queue.

        :raises KeyError: the queue or the virtual host does not exist

        >>> with Broker() as broker:
        ...     broker.queue('orders')
        Traceback (most recent call last):
        KeyError: "there is no queue 'orders' in vhost '/'; there are: none"
        """
        return self._call(lambda: see_queue(self._queue(name, vhost)))

    def queues(self, vhost: str = DEFAULT_VHOST) -> list[str]:
        """Return the names of all queues of a virtual host.

        :raises KeyError: the broker has no virtual host of this name
        """
        return self._call(lambda: [shown(each) for each in self._vhost(vhost).queues])

    def queue_counts(self) -> list[QueueCounts]:
        """Return the counts of the queues of all virtual hosts, all at the same moment.

        It copies no messages, so it is quick for long queues, too.
        """
        return self._call(
            lambda: [
                count_queue(vhost, each)
                for vhost in self._state.vhosts.values()
                for each in list(vhost.queues.values())
            ]
        )

    @property
    def connections(self) -> list[ConnectionView]:
        """Views of the open connections of all clients."""
        return self._call(
            lambda: [see_connection(each) for each in self._server.core.connections.values()]
        )

    @property
    def published(self) -> list[SeenMessage]:
        """The messages that clients have published, the oldest first.

        The list includes unroutable and refused messages. The broker keeps the last 10,000
        messages, and fewer if they exceed 64 MiB.
        """
        return self._call(lambda: [see_message(each) for each in self._state.published])

    def topology(self, vhost: str = DEFAULT_VHOST) -> str:
        """Return the exchanges, bindings and queues of a virtual host as readable text.

        :raises KeyError: the broker has no virtual host of this name
        """
        return self._call(lambda: describe(self._vhost(vhost)))


def _wall_offset() -> float:
    return time.time() - time.monotonic()


def _not_running() -> RuntimeError:
    return RuntimeError('the broker is not running; call start(), or use a with block')
