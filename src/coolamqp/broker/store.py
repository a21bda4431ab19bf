"""The store on disk: durable queues and exchanges with their bindings, and persistent messages.

The only file of the broker that touches a disk. A confirm is sent after the commit that follows the
message, so a confirmed persistent message survives the end of the process and a loss of power.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from math import inf, isfinite
from pathlib import Path
from typing import Any, Final

from coolamqp.broker.arguments import NamedArguments, named
from coolamqp.broker.base_queue import BaseQueue, QueueDefinition
from coolamqp.broker.delivery import Entry
from coolamqp.broker.exchange import (
    TYPES,
    Binding,
    Destination,
    Exchange,
    ExchangeDefinition,
)
from coolamqp.broker.message import BrokerMessage
from coolamqp.broker.policies import Policy
from coolamqp.broker.queue_kinds import make_queue
from coolamqp.broker.state import BrokerState
from coolamqp.broker.storage import Storage
from coolamqp.broker.vhost import VirtualHost
from coolamqp.framing.field_table import encode_table, read_table
from coolamqp.framing.primitives import Reader

FILE: Final = 'broker.sqlite3'
# The longest time to wait for another broker that still uses the folder, in seconds.
LOCK_TIMEOUT: Final = 5.0
_FORMAT: Final = 1
_SCHEMA: Final = """
CREATE TABLE vhosts (name TEXT PRIMARY KEY);
CREATE TABLE policies (
    vhost TEXT, name TEXT, pattern TEXT, apply_to TEXT, priority INTEGER, definition TEXT,
    PRIMARY KEY (vhost, name)
);
CREATE TABLE exchanges (
    vhost TEXT, name BLOB, type TEXT, auto_delete INTEGER, internal INTEGER, arguments BLOB,
    PRIMARY KEY (vhost, name)
);
CREATE TABLE queues (
    vhost TEXT, name BLOB, kind TEXT, auto_delete INTEGER, arguments BLOB,
    PRIMARY KEY (vhost, name)
);
CREATE TABLE bindings (
    vhost TEXT, source BLOB, to_queue INTEGER, destination BLOB, routing_key BLOB, arguments BLOB
);
CREATE TABLE messages (
    number INTEGER PRIMARY KEY, vhost TEXT, queue BLOB, position INTEGER, exchange BLOB,
    routing_key BLOB, properties BLOB, body BLOB, expires_at REAL, annotations BLOB
);
CREATE INDEX messages_of_queue ON messages (vhost, queue);
"""


class DiskStore(Storage):
    """A store in a folder.

    :param wall_offset: returns the difference between the time since 1970 and that of the timers,
        in seconds
    :raises OSError: the folder cannot be created
    :raises sqlite3.Error: the file is not a store, or another broker uses it
    """

    def __init__(self, folder: Path, wall_offset: Callable[[], float]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._wall_offset = wall_offset
        self._loading = False
        path = folder / FILE
        self._database = sqlite3.connect(
            path, timeout=LOCK_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        try:
            self._open()
        except sqlite3.Error as error:
            self._database.close()
            hint = (
                '; another broker uses the folder, stop it first' if 'locked' in str(error) else ''
            )
            raise type(error)(f'cannot open the store {path}: {error}{hint}') from error

    def _open(self) -> None:
        self._database.execute('PRAGMA locking_mode = EXCLUSIVE')
        self._database.execute('PRAGMA journal_mode = WAL')
        self._database.execute('PRAGMA synchronous = FULL')
        (found,) = self._database.execute('PRAGMA user_version').fetchone()
        if found == 0:
            self._database.executescript(_SCHEMA)
            self._database.execute(f'PRAGMA user_version = {_FORMAT}')
        elif found != _FORMAT:
            raise sqlite3.DatabaseError(
                f'the store has format {found}, and this version reads format {_FORMAT}'
            )

    def close(self) -> None:
        """Write everything, and close the file."""
        self.commit()
        self._database.close()

    # Writing

    def _write(self, statement: str, *values: Any) -> int:
        """Execute a statement in a transaction, which `commit` ends; return the new row number."""
        if self._loading:
            return 0
        if not self._database.in_transaction:
            self._database.execute('BEGIN')
        return self._database.execute(statement, values).lastrowid or 0

    def commit(self) -> None:
        """Write everything to the disk."""
        if self._database.in_transaction:
            self._database.execute('COMMIT')

    def add_vhost(self, name: str) -> None:
        """Store a virtual host."""
        self._write('INSERT OR IGNORE INTO vhosts VALUES (?)', name)

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with its contents."""
        self._write('DELETE FROM vhosts WHERE name = ?', name)
        for table in ('policies', 'exchanges', 'queues', 'bindings', 'messages'):
            self._write(f'DELETE FROM {table} WHERE vhost = ?', name)  # noqa: S608 - our own names

    def set_policy(self, vhost: str, policy: Policy) -> None:
        """Store a policy."""
        self._write(
            'INSERT OR REPLACE INTO policies VALUES (?, ?, ?, ?, ?, ?)',
            vhost,
            policy.name,
            policy.pattern,
            policy.apply_to,
            policy.priority,
            json.dumps(dict(policy.definition)),
        )

    def clear_policy(self, vhost: str, name: str) -> None:
        """Delete a policy."""
        self._write('DELETE FROM policies WHERE vhost = ? AND name = ?', vhost, name)

    def add_exchange(self, vhost: str, exchange: Exchange) -> None:
        """Store a durable exchange."""
        self._write(
            'INSERT INTO exchanges VALUES (?, ?, ?, ?, ?, ?)',
            vhost,
            exchange.name,
            exchange.type_,
            exchange.auto_delete,
            exchange.internal,
            _encoded(exchange.arguments),
        )

    def delete_exchange(self, vhost: str, exchange: Exchange) -> None:
        """Delete an exchange."""
        self._write('DELETE FROM exchanges WHERE vhost = ? AND name = ?', vhost, exchange.name)

    def add_queue(self, vhost: str, queue: BaseQueue) -> None:
        """Store a durable queue."""
        self._write(
            'INSERT INTO queues VALUES (?, ?, ?, ?, ?)',
            vhost,
            queue.name,
            queue.kind,
            queue.auto_delete,
            _encoded(queue.arguments),
        )

    def delete_queue(self, vhost: str, queue: BaseQueue) -> None:
        """Delete a queue with its messages."""
        if queue.durable:
            self._write('DELETE FROM queues WHERE vhost = ? AND name = ?', vhost, queue.name)
            self._write('DELETE FROM messages WHERE vhost = ? AND queue = ?', vhost, queue.name)

    def add_binding(self, vhost: str, source: Exchange, binding: Binding) -> None:
        """Store a binding with a durable source and a durable destination."""
        self._write('INSERT INTO bindings VALUES (?, ?, ?, ?, ?, ?)', *_row(vhost, source, binding))

    def delete_binding(self, vhost: str, source: Exchange, binding: Binding) -> None:
        """Delete a binding."""
        self._write(
            'DELETE FROM bindings WHERE vhost = ? AND source = ? AND to_queue = ? '
            'AND destination = ? AND routing_key = ? AND arguments = ?',
            *_row(vhost, source, binding),
        )

    def add_message(self, vhost: str, entry: Entry) -> None:
        """Store a persistent message in a durable queue; set `entry.stored`."""
        message = entry.message
        expires_at = None
        if isfinite(entry.expires_at):
            expires_at = entry.expires_at + self._wall_offset()
        entry.stored = self._write(
            'INSERT INTO messages VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
            vhost,
            entry.queue.name,
            entry.position,
            message.exchange,
            message.routing_key,
            message.properties,
            message.body,
            expires_at,
            _annotations(message),
        )

    def remove_message(self, entry: Entry) -> None:
        """Delete a message."""
        self._write('DELETE FROM messages WHERE number = ?', entry.stored)
        entry.stored = 0

    # Reading

    def load(self, state: BrokerState) -> None:
        """Load the contents of the store into a broker."""
        self._loading = True
        for (name,) in self._database.execute('SELECT name FROM vhosts').fetchall():
            vhost = state.add_vhost(name)
            self._load_topology(vhost)
            self._load_messages(vhost)
        self._loading = False
        # Last, and stored: a policy may drop messages, since unacknowledged ones are ready again.
        for vhost in state.vhosts.values():
            self._load_policies(vhost)

    def _rows(self, table: str, vhost: VirtualHost, order: str = 'rowid') -> list[Any]:
        statement = f'SELECT * FROM {table} WHERE vhost = ? ORDER BY {order}'  # noqa: S608 - our own
        return self._database.execute(statement, (vhost.name,)).fetchall()

    def _load_policies(self, vhost: VirtualHost) -> None:
        for _, name, pattern, apply_to, priority, definition in self._rows('policies', vhost):
            vhost.set_policy(Policy(name, pattern, apply_to, priority, json.loads(definition)))

    def _load_topology(self, vhost: VirtualHost) -> None:
        for _, name, type_, auto_delete, internal, arguments in self._rows('exchanges', vhost):
            definition = ExchangeDefinition(
                name, _decoded(arguments), True, bool(auto_delete), bool(internal)
            )
            vhost.add_exchange(TYPES[type_](definition))
        for _, name, kind, auto_delete, arguments in self._rows('queues', vhost):
            queue = QueueDefinition(name, kind, _decoded(arguments), True, bool(auto_delete))
            vhost.add_queue(make_queue(vhost, queue))
        for _, source, to_queue, destination, key, arguments in self._rows('bindings', vhost):
            target: Destination = (vhost.queues if to_queue else vhost.exchanges)[destination]
            vhost.bind(vhost.exchanges[source], Binding(target, key, _decoded(arguments)))

    def _load_messages(self, vhost: VirtualHost) -> None:
        for number, _, name, position, *content, expires_at, extras in self._rows(
            'messages', vhost, 'position'
        ):
            queue = vhost.queues[name]
            message = BrokerMessage(*content)
            _annotate(message, extras)
            entry = Entry(message, queue, position)
            entry.stored = number
            entry.expires_at = inf if expires_at is None else expires_at - self._wall_offset()
            queue.restore(entry)


def _row(vhost: str, source: Exchange, binding: Binding) -> tuple[Any, ...]:
    target = binding.destination
    return (
        vhost,
        source.name,
        isinstance(target, BaseQueue),
        target.name,
        binding.routing_key,
        _encoded(binding.arguments),
    )


def _encoded(arguments: NamedArguments) -> bytes:
    return encode_table(sorted(arguments.items()))


def _decoded(encoded: bytes) -> NamedArguments:
    return named(read_table(Reader(encoded, 0, len(encoded), 'stored arguments')))


def _annotations(message: BrokerMessage) -> bytes | None:
    """Return the encoded CC, BCC and deaths of a message; None if it has none."""
    if not (message.cc or message.bcc or message.deaths):
        return None
    return encode_table(
        [
            (b'cc', ([(key, 'S') for key in message.cc], 'A')),
            (b'bcc', ([(key, 'S') for key in message.bcc], 'A')),
            (b'deaths', ([(table, 'F') for table in message.deaths], 'A')),
        ]
    )


def _annotate(message: BrokerMessage, encoded: bytes | None) -> None:
    """Restore CC, BCC and deaths from the result of `_annotations`."""
    if encoded is not None:
        stored = _decoded(encoded)
        message.cc = tuple(bytes(key) for key, _ in stored[b'cc'][0])
        message.bcc = tuple(bytes(key) for key, _ in stored[b'bcc'][0])
        message.deaths = tuple(table for table, _ in stored[b'deaths'][0])
