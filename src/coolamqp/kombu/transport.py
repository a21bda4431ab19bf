"""The transport: how Kombu makes, uses and ends connections of CoolAMQP."""

from __future__ import annotations

import ssl
from dataclasses import fields
from typing import Any, Final

import amqp
from kombu.transport import base
from kombu.utils.amq_manager import get_manager
from kombu.utils.text import version_string_as_tuple

import coolamqp
from coolamqp.kombu.channel import Channel
from coolamqp.kombu.connection import Connection, Options
from coolamqp.kombu.readiness import Readiness
from coolamqp.objects import NodeDefinition

# Kombu's names of the settings of TLS, which are those of the module ssl, and ours.
_TLS_NAMES: Final = {
    'ca_certs': 'cacertfile',
    'certfile': 'certfile',
    'keyfile': 'keyfile',
    'password': 'key_password',
    'server_hostname': 'server_name_indication',
    'ssl_context': 'ssl_context',
}

# How long the events of one connection may keep an event loop from its other work, in seconds. A
# callback that takes longer is the last of its turn.
TURN_SECONDS_MAX: Final = 0.005


class Transport(base.Transport):
    """The transport of `coolamqp://`."""

    default_port = 5672
    default_tls_port = 5671
    driver_type = 'amqp'
    driver_name = 'CoolAMQP'
    connection_errors = amqp.Connection.connection_errors
    channel_errors = amqp.Connection.channel_errors
    recoverable_connection_errors = amqp.Connection.recoverable_connection_errors
    recoverable_channel_errors = amqp.Connection.recoverable_channel_errors
    implements = base.Transport.implements.extend(
        asynchronous=True, batch_publish=True, heartbeats=True
    )

    def driver_version(self) -> str:
        """Return the version of CoolAMQP."""
        return coolamqp.__version__

    @property
    def default_connection_params(self) -> dict[str, Any]:
        """The parts of a connection string that may be absent."""
        return {
            'userid': 'guest',
            'password': 'guest',
            'port': self.default_tls_port if self.client.ssl else self.default_port,
            'hostname': 'localhost',
        }

    def establish_connection(self) -> Connection:
        """Connect and log in."""
        client = self.client
        connection = Connection(node_of(client), client, options_of(client))
        connection.connect()
        return connection

    def verify_connection(self, connection: Connection) -> bool:
        """Whether a connection is open, as far as its last call knows."""
        return connection.connected

    def close_connection(self, connection: Connection) -> None:
        """Close a connection."""
        connection.client = None
        connection.close()

    def _collect(self, connection: Connection | None) -> None:
        """Drop a connection that is lost, or that belongs to the parent process."""
        if connection is not None:
            connection.collect()

    def create_channel(self, connection: Connection) -> Channel:
        """Open a channel."""
        return Channel(connection)

    def drain_events(self, connection: Connection, **options: Any) -> None:
        """Wait for one event, and call its callback."""
        connection.drain_events(**options)

    def register_with_event_loop(self, connection: Connection, loop: Any) -> None:
        """Register with an event loop of Kombu, which then drains the events."""
        if connection.readiness is None:
            connection.readiness = Readiness()
        for descriptor in (connection.sock, connection.readiness.fileno()):
            loop.add_reader(descriptor, self.on_readable, connection, loop)
        connection.show_readiness()

    def unregister_from_event_loop(self, connection: Connection, loop: Any) -> None:
        """Stop draining the events in an event loop."""
        loop.remove_reader(connection.sock)
        if connection.readiness is not None:
            loop.remove_reader(connection.readiness.fileno())

    def on_readable(self, connection: Connection, loop: Any) -> None:
        """Drain the waiting events, for at most the time of a turn."""
        connection.drain_ready(TURN_SECONDS_MAX)

    def get_heartbeat_interval(self, connection: Connection) -> int:
        """Return the negotiated interval in seconds; 0 for no heartbeats."""
        return connection.heartbeat

    def heartbeat_check(self, connection: Connection, rate: float = 2) -> None:
        """Send a heartbeat if it is time; raise an error if the broker is silent for too long."""
        connection.heartbeat_tick()

    def qos_semantics_matches_spec(self, connection: Connection) -> bool:
        """Whether `global` of a basic.qos means the connection, and not the channel.

        RabbitMQ before 3.3 follows the specification. RabbitMQ 4 treats all as not global.
        """
        properties = connection.server_properties
        if properties.get('product') != 'RabbitMQ' or not properties.get('version'):
            return True
        version = version_string_as_tuple(properties['version'])
        return bool(version < (3, 3) or version >= (4, 0))

    def get_manager(self, *args: Any, **options: Any) -> Any:
        """Return the client of RabbitMQ's management API that Kombu uses, if it is installed."""
        return get_manager(self.client, *args, **options)


class TLSTransport(Transport):
    """The transport of `coolamqps://`."""

    def __init__(self, client: Any, **options: Any) -> None:
        super().__init__(client, **options)
        if not client.ssl:
            client.ssl = True


def node_of(client: Any) -> NodeDefinition:
    """Return the node that a `kombu.Connection` names.

    :raises ValueError: it has a setting that does not exist, or of a wrong value
    """
    given = {
        'host': client.hostname or 'localhost',
        'port': client.port,
        'user': client.userid,
        'password': client.password() if callable(client.password) else client.password,
        'virtual_host': client.virtual_host,
        'auth_mechanism': client.login_method,
        'heartbeat': round(client.heartbeat) if client.heartbeat else None,
        'connection_timeout': client.connect_timeout,
    }
    known = {name: value for name, value in given.items() if value is not None}
    return NodeDefinition(**known, **_tls_of(client.ssl))


def options_of(client: Any) -> Options:
    """Return the transport options of a `kombu.Connection`; those of Kombu itself are left out."""
    given = client.transport_options or {}
    names = [field.name for field in fields(Options)]
    return Options(**{name: given[name] for name in names if name in given})


def _tls_of(given: Any) -> dict[str, Any]:
    if not given:
        return {}
    settings = dict(given) if isinstance(given, dict) else {}
    found: dict[str, Any] = {'tls': True}
    if settings.pop('cert_reqs', ssl.CERT_REQUIRED) == ssl.CERT_NONE:
        found['verify'] = 'verify_none'
    unknown = [name for name in settings if name not in _TLS_NAMES]
    if unknown:
        known = ', '.join(['cert_reqs', *_TLS_NAMES])
        raise ValueError(f'there is no TLS setting {unknown[0]!r}; there are {known}')
    found.update((_TLS_NAMES[name], value) for name, value in settings.items())
    return found
