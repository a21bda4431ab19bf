"""The server: sockets, TLS, and the faults of a network."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest

from coolamqp import objects
from coolamqp.broker import Broker, connection, server, session
from coolamqp.clustering import Cluster
from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.definitions import (
    BasicConsume,
    BasicGet,
    ConnectionClose,
    ConnectionStart,
    QueueDeclare,
)
from coolamqp.framing.frames import PROTOCOL_HEADER
from coolamqp.objects import NodeDefinition, Queue
from tests.behaviour.client import RawConnection
from tests.behaviour.wire import BrokerSilent, Disconnected, Message, Wire, eventually
from tests.support.certificates import CLIENT, Certificates

PATIENCE = 10.0  # seconds

pytestmark = pytest.mark.usefixtures('no_leaks')


@pytest.fixture
def broker(no_leaks: None) -> Iterator[Broker]:
    """A broker that runs."""
    with Broker() as broker:
        yield broker


def test_many_clients_at_once(broker: Broker) -> None:
    clients = [RawConnection(broker.url) for _ in range(50)]
    for number, client in enumerate(clients):
        client.channel().queue(f'q{number}')
    assert len(broker.queues()) == len(broker.connections) == 50

    for client in clients:
        client.close()
    eventually(lambda: not broker.connections, 'the end of all connections')


def test_a_large_message_there_and_back(broker: Broker) -> None:
    with RawConnection(broker.url) as client:
        channel = client.channel()
        channel.queue('q')
        body = bytes(range(256)) * 40_000
        channel.put('q', body)

        assert channel.must_get('q').body == body


def test_a_client_that_vanishes_is_forgotten(broker: Broker) -> None:
    client = RawConnection(broker.url)
    client.abort()

    eventually(lambda: not broker.connections, 'the end of the connection')


def test_a_client_that_sends_no_protocol_is_hung_up_on(broker: Broker) -> None:
    with socket.create_connection((broker.host, broker.port), 10) as client:
        client.sendall(b'GET / HTTP/1.1\r\n\r\n')
        received = b''
        while data := client.recv(100):
            received += data

    assert received == PROTOCOL_HEADER


def test_a_client_that_reads_nothing_costs_little_and_ends_with_its_heartbeats() -> None:
    with Broker() as broker, RawConnection(broker.url) as publisher:
        sleeper = RawConnection(broker.url, heartbeat=1)
        publisher.channel().queue('q')
        publisher.publisher.queue('q')
        sleeper.channel().send(BasicConsume('q', no_ack=True))
        eventually(lambda: broker.queue('q').consumers, 'the consumer')
        for _ in range(100):
            publisher.publisher.publish(bytes(1_000_000), '', 'q')
        publisher.publisher.await_acks()
        assert len(broker.queue('q')) > 50

        eventually(lambda: len(broker.connections) == 1, 'the end of the sleeper')
        sleeper.abort()


def test_a_client_that_closes_and_reads_nothing_is_forgotten(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, 'CLOSE_TIMEOUT', 0.3)
    monkeypatch.setattr(session, '_ANSWERS_BYTES', 10**9)  # so that the close is read
    sleeper = RawConnection(broker.url)
    with RawConnection(broker.url) as publisher:
        publisher.publisher.queue('q')
        publisher.publisher.put('q', *[bytes(1_000_000)] * 20)
    channel = sleeper.channel()
    for _ in range(20):
        channel.send(BasicGet('q', no_ack=True))
    sleeper.send(0, ConnectionClose(200, 'bye', 0, 0))

    eventually(lambda: not broker.connections, 'the end of the sleeper')
    sleeper.abort()


def test_a_stopped_broker_says_why(broker: Broker) -> None:
    client = RawConnection(broker.url)
    broker.stop()

    assert client.expect_close()[0] == 320
    client.abort()


def test_stopping_waits_for_nobody_for_long(broker: Broker) -> None:
    client = RawConnection(broker.url)
    began = time.monotonic()
    broker.stop()

    assert time.monotonic() - began < 5
    client.abort()


def test_a_client_that_asks_and_does_not_read_is_not_read_from(broker: Broker) -> None:
    with RawConnection(broker.url) as client:
        client.publisher.queue('q')
        client.publisher.put('q', *[bytes(1_000_000)] * 50)
        channel = client.channel()
        for _ in range(50):
            channel.send(BasicGet('q', no_ack=True))
            channel.send(QueueDeclare('q', passive=True))
        broker.wait_until(lambda: len(broker.queue('q')) < 48)
        assert len(broker.queue('q')) > 10

        items = [channel.next() for _ in range(100)]
        bodies = [item.body for item in items if isinstance(item, Message)]
        assert bodies == [bytes(1_000_000)] * 50


# Faults


def test_connections_are_dropped(broker: Broker) -> None:
    client = RawConnection(broker.url)
    assert broker.drop_connections() == 1
    with pytest.raises(Disconnected):
        client.read()
    client.abort()


def test_new_connections_are_refused(broker: Broker) -> None:
    with RawConnection(broker.url) as client:
        broker.refuse()
        with pytest.raises((Disconnected, ConnectionResetError)):
            RawConnection(broker.url)
        client.channel()
        broker.refuse(False)
        RawConnection(broker.url).close()


def test_a_frozen_broker_is_silent_and_goes_on(broker: Broker) -> None:
    with RawConnection(broker.url) as client:
        broker.freeze()
        wire = Wire(broker.host, broker.port)
        wire.send(PROTOCOL_HEADER)
        with pytest.raises(BrokerSilent):
            wire.next_frame(timeout=0.05)
        broker.thaw()

        wire.expect(ConnectionStart)
        client.channel()
        wire.close()


def test_a_slow_broker_sends_everything(broker: Broker) -> None:
    with RawConnection(broker.url) as client:
        channel = client.channel()
        channel.queue('q')
        channel.put('q', bytes(100_000))
        with broker.slow(1_000_000):
            assert len(channel.must_get('q', no_ack=True).body) == 100_000


# TLS


def server_context(certificates: Certificates, *, asks: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates.authority)
    context.load_cert_chain(certificates.server)
    context.verify_mode = ssl.CERT_OPTIONAL if asks else ssl.CERT_NONE
    return context


def tls_cluster(broker: Broker, certificates: Certificates, **options: Any) -> Cluster:
    node = NodeDefinition(broker.url, cacertfile=certificates.authority, **options)
    return Cluster(node)


def by_certificate(broker: Broker, certificates: Certificates, certificate: str) -> Cluster:
    node = NodeDefinition(
        host=broker.host, port=broker.port, cacertfile=certificates.authority, certfile=certificate
    )
    return Cluster(node)


def test_messages_over_tls(certificates: Certificates, no_leaks: None) -> None:
    with Broker(tls=server_context(certificates, asks=False)) as broker:
        assert broker.url.startswith('amqps://')
        with tls_cluster(broker, certificates) as cluster:
            cluster.declare(Queue('q')).result(PATIENCE)
            cluster.publish(objects.Message(bytes(1_000_000)), '', 'q', confirm=True).result(
                PATIENCE
            )
            assert [len(body) for body in broker.queue('q').bodies] == [1_000_000]


def test_a_certificate_is_a_login(certificates: Certificates, no_leaks: None) -> None:
    with Broker(tls=server_context(certificates, asks=True)) as broker:
        broker.add_user(CLIENT, 'unknown to the client')
        with by_certificate(broker, certificates, certificates.client):
            assert [each.user for each in broker.connections] == [CLIENT]


@pytest.mark.parametrize('who', ['impostor', 'client'])
def test_a_certificate_of_a_stranger_is_no_login(
    certificates: Certificates, no_leaks: None, who: str
) -> None:
    with Broker(tls=server_context(certificates, asks=True)) as broker:
        cluster = by_certificate(broker, certificates, getattr(certificates, who))
        with pytest.raises(ConnectionDead):
            cluster.start(timeout=0.5)
        eventually(lambda: not broker.connections, 'the end of the connection')


def test_a_tls_handshake_has_its_time(
    certificates: Certificates, no_leaks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, 'HANDSHAKE_TIMEOUT', 0.2)
    with Broker(tls=server_context(certificates, asks=False)) as broker:
        client = socket.create_connection((broker.host, broker.port), PATIENCE)
        assert client.recv(1) == b''
        client.close()


def test_a_client_without_tls_is_hung_up_on(certificates: Certificates, no_leaks: None) -> None:
    with Broker(tls=server_context(certificates, asks=False)) as broker:
        with socket.create_connection((broker.host, broker.port), 10) as client:
            client.sendall(PROTOCOL_HEADER)
            while client.recv(100):
                pass
        assert not broker.connections
