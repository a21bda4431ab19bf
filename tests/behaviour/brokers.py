"""The brokers under test: the commands that tests need besides the protocol.

This module has the Protocol class of all brokers, and its implementation with a RabbitMQ node. It
must not depend on the tests.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from tests.support.rabbitmq import RabbitMQNode

Version = tuple[int, ...]
T = TypeVar('T')

EMBEDDED_VERSION = (4, 0)  # if versions differ, the embedded broker behaves as this one
USER = 'guest'
PASSWORD = 'guest'
USERS = 'rabbit_auth_backend_internal'  # the module of RabbitMQ


class BrokerUnderTest(Protocol):
    """A running broker.

    :ivar kind: 'rabbitmq', 'embedded', or 'embedded-folder', which stores its data in a folder
    :ivar version: the version of RabbitMQ whose behaviour it has, such as (4, 0, 5)
    """

    kind: str

    @property
    def version(self) -> Version: ...

    def url(self, vhost: str = '/', user: str = USER, password: str = PASSWORD) -> str:
        """Return the address of a virtual host for a user, as amqp://."""
        ...

    def add_vhost(self, *names: str) -> None:
        """Add virtual hosts with all permissions for `guest`."""
        ...

    def delete_vhost(self, *names: str) -> None:
        """Delete virtual hosts with their contents, and close their connections."""
        ...

    def add_user(
        self,
        name: str,
        password: str,
        vhost: str = '',
        configure: str = '.*',
        write: str = '.*',
        read: str = '.*',
    ) -> None:
        """Add a user, with permissions in `vhost` unless it is empty."""
        ...

    def set_policy(
        self,
        vhost: str,
        name: str,
        pattern: str,
        definition: Mapping[str, Any],
        apply_to: str = 'queues',
        priority: int = 0,
    ) -> None:
        """Add or replace a policy. It is in effect when the call returns."""
        ...

    def clear_policy(self, vhost: str, name: str) -> None:
        """Delete a policy."""
        ...

    def restart(self) -> None:
        """Stop the broker cleanly, and start it again with the same data and address."""
        ...

    def close_all_connections(self) -> None:
        """Close the connections of all clients with reply code 320."""
        ...

    def set_memory_alarm(self, on: bool) -> None:
        """Raise or clear the memory alarm, which blocks publishing connections."""
        ...


class RabbitMQUnderTest:
    """A real RabbitMQ, through a node of the test suite."""

    kind = 'rabbitmq'

    def __init__(self, node: RabbitMQNode) -> None:
        self._node = node

    @property
    def version(self) -> Version:
        return self._node.version

    def url(self, vhost: str = '/', user: str = USER, password: str = PASSWORD) -> str:
        who = f'{quote(user, safe="")}:{quote(password, safe="")}'
        return f'amqp://{who}@{self._node.host}:{self._node.port}/{quote(vhost, safe="")}'

    def add_vhost(self, *names: str) -> None:
        if not self._node.running:
            self._node.start()  # an earlier test failed half-way
        us, everything = binary(USER), ', '.join([binary('.*')] * 3)
        self._at_once(
            names,
            f'ok = rabbit_vhost:add(Name, {us}), '
            f'ok = {USERS}:set_permissions({us}, Name, {everything}, {us})',
        )

    def delete_vhost(self, *names: str) -> None:
        if self._node.running:
            self._at_once(names, f'rabbit_vhost:delete(Name, {binary(USER)})')

    def _at_once(self, names: Iterable[str], orders: str) -> None:
        """Evaluate commands for each name, all in parallel, because each waits for the disk."""
        jobs = f'[fun() -> {orders} end || Name <- {binaries(names)}]'
        self._node.eval(f'rpc:pmap({{erlang, apply}}, [[]], {jobs})')

    def add_user(
        self,
        name: str,
        password: str,
        vhost: str = '',
        configure: str = '.*',
        write: str = '.*',
        read: str = '.*',
    ) -> None:
        us = binary(USER)
        orders = [f'{USERS}:add_user({binary(name)}, {binary(password)}, {us})']
        if vhost:
            rights = ', '.join(map(binary, (configure, write, read)))
            arguments = f'{binary(name)}, {binary(vhost)}, {rights}, {us}'
            orders.append(f'{USERS}:set_permissions({arguments})')
        self._node.eval(', '.join(f'ok = {order}' for order in orders))

    def set_policy(
        self,
        vhost: str,
        name: str,
        pattern: str,
        definition: Mapping[str, Any],
        apply_to: str = 'queues',
        priority: int = 0,
    ) -> None:
        values = (vhost, name, pattern, json.dumps(definition), str(priority), apply_to, USER)
        self._node.eval(f'ok = rabbit_policy:parse_set({", ".join(map(binary, values))})')

    def clear_policy(self, vhost: str, name: str) -> None:
        values = ', '.join(map(binary, (vhost, name, USER)))
        self._node.eval(f'ok = rabbit_policy:delete({values})')

    def restart(self) -> None:
        self._node.restart()

    def close_all_connections(self) -> None:
        self._node.close_all_connections()

    def set_memory_alarm(self, on: bool) -> None:
        self._node.set_memory_alarm(on)


def by_version(broker: BrokerUnderTest, values: Mapping[Version, T]) -> T:
    """Return the value of the latest version that is not later than the broker's.

    >>> by_version(broker, {(3, 10): 'of 3.10', (4, 0): 'of 4.0 and later'})
    """
    return values[max(version for version in values if version <= broker.version)]


def binary(text: str) -> str:
    """Return a text as an Erlang binary."""
    return f'<<{",".join(map(str, text.encode()))}>>'


def binaries(texts: Iterable[str]) -> str:
    """Return texts as an Erlang list of binaries."""
    return f'[{", ".join(map(binary, texts))}]'
