"""The command `coolamqp ping`: show the broker, its speed and limits, and what is allowed there."""

from __future__ import annotations

import textwrap
import time
from dataclasses import asdict
from typing import Any

import click

from coolamqp.cli.errors import ExitStatus, Failure
from coolamqp.cli.options import broker_options
from coolamqp.cli.session import Session
from coolamqp.clustering import Cluster
from coolamqp.exceptions import AMQPError
from coolamqp.objects import Exchange, Message, NodeDefinition, Queue

ROUND_TRIPS = 5
VALUE_WIDTH = 65  # columns of a terminal


@click.command('ping')
@broker_options
def ping_command(session: Session) -> None:
    """Connect to the broker, and show its version, the round trip, limits and permissions.

    The permissions are tried with a temporary queue, which only this connection sees.
    """
    began = time.monotonic()
    with session.cluster() as cluster:
        connected = time.monotonic() - began
        round_trip = min(_round_trip(session, cluster) for _ in range(ROUND_TRIPS))
        record = _describe(cluster) | {
            'connect_ms': round(connected * 1000, 3),
            'round_trip_ms': round(round_trip * 1000, 3),
            'allowed': _allowed(session, cluster),
        }
    session.output.table(record, _rows(record))


def _round_trip(session: Session, cluster: Cluster) -> float:
    began = time.monotonic()
    session.wait(cluster.declare(Exchange('amq.direct'), passive=True))
    return time.monotonic() - began


def _describe(cluster: Cluster) -> dict[str, Any]:
    node, server, limits = cluster.node, cluster.properties, cluster.limits
    if node is None or server is None or limits is None:
        raise Failure('the connection was lost at once; try again', ExitStatus.NO_CONNECTION)
    return {
        'node': str(node),
        'product': _text(server.properties.get('product')),
        'version': _text(server.properties.get('version')),
        'platform': _text(server.properties.get('platform')),
        'cluster': _text(server.properties.get('cluster_name')),
        'user': node.user,
        'virtual_host': node.virtual_host,
        'tls': _tls(node),
        'mechanisms': server.mechanisms,
        'limits': asdict(limits),
        'capabilities': _capabilities(server.properties.get('capabilities')),
    }


def _capabilities(table: object) -> list[str]:
    """Return the names of the protocol extensions that the broker has."""
    known = table if isinstance(table, dict) else {}
    return sorted(str(name) for name, has in known.items() if has)


def _tls(node: NodeDefinition) -> str:
    if node.tls is None:
        return 'none'
    return 'verified' if node.tls.verify == 'verify_peer' else 'not verified'


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _allowed(session: Session, cluster: Cluster) -> dict[str, bool | None]:
    """Return what the user may do with a queue of its own; None for what could not be tried."""
    queue = Queue('', exclusive=True)
    name = (queue.name or b'').decode()
    allowed: dict[str, bool | None] = {'declare': False, 'publish': None, 'consume': None}
    if _succeeds(session, cluster.declare(queue)):
        allowed['declare'] = True
        publish = cluster.publish(Message(b''), routing_key=name, confirm=True, mandatory=True)
        allowed['publish'] = _succeeds(session, publish)
        allowed['consume'] = _succeeds(session, cluster.get(name, no_ack=True))
        _succeeds(session, cluster.delete_queue(name))
    return allowed


def _succeeds(session: Session, future: Any) -> bool:
    try:
        session.wait(future)
    except AMQPError:
        return False
    return True


def _rows(record: dict[str, Any]) -> list[tuple[str, object]]:
    marks = {True: 'yes', False: 'no', None: 'not tried'}
    allowed = ', '.join(f'{name}: {marks[may]}' for name, may in record['allowed'].items())
    limits, heartbeat = record['limits'], record['limits']['heartbeat']
    return [
        ('node', record['node']),
        ('broker', f'{record["product"]} {record["version"]} ({record["platform"]})'),
        ('cluster', record['cluster']),
        ('virtual host', record['virtual_host']),
        ('user', record['user']),
        ('TLS', record['tls']),
        ('connected in', f'{record["connect_ms"]:.1f} ms'),
        ('round trip', f'{record["round_trip_ms"]:.1f} ms'),
        ('channels', f'{limits["channel_max"]} at most'),
        ('frames', f'{limits["frame_max"]} bytes at most'),
        ('heartbeat', f'{heartbeat} s' if heartbeat else 'none'),
        ('allowed', allowed),
        ('capabilities', textwrap.fill(', '.join(record['capabilities']), VALUE_WIDTH)),
    ]
