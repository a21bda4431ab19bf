"""The command `coolamqp ping`: connect, and say to what, how fast, and what is allowed."""

from __future__ import annotations

import time
from typing import Any

import click

from coolamqp.cli.errors import ExitStatus, Failure
from coolamqp.cli.options import broker_options
from coolamqp.cli.session import Session
from coolamqp.clustering import Cluster
from coolamqp.exceptions import AMQPError
from coolamqp.objects import Exchange, Message, NodeDefinition, Queue

ROUND_TRIPS = 5


@click.command('ping')
@broker_options
def ping_command(session: Session) -> None:
    """Connect to the broker, and show its version, the round trip and what is allowed.

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
    node, server = cluster.node, cluster.properties
    if node is None or server is None:
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
    }


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
    return [
        ('node', record['node']),
        ('broker', f'{record["product"]} {record["version"]} ({record["platform"]})'),
        ('cluster', record['cluster']),
        ('virtual host', record['virtual_host']),
        ('user', record['user']),
        ('TLS', record['tls']),
        ('connected in', f'{record["connect_ms"]:.1f} ms'),
        ('round trip', f'{record["round_trip_ms"]:.1f} ms'),
        ('allowed', allowed),
    ]
