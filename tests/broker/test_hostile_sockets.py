"""Hostile clients with real sockets: nothing of them stays, and others are served."""

from __future__ import annotations

import random
import socket
import ssl
import struct
import threading
from collections.abc import Iterator

import pytest

from coolamqp.broker import Broker
from coolamqp.framing.definitions import BasicAck, ConnectionBlocked, ConnectionUnblocked
from coolamqp.framing.frames import PROTOCOL_HEADER, encode_method
from tests.behaviour.client import RawConnection
from tests.behaviour.wire import eventually
from tests.broker.hostile_values import CHANNELS, HostileValues
from tests.support.certificates import Certificates

pytestmark = pytest.mark.usefixtures('no_leaks')
PATIENCE = 10.0  # seconds
RESET = struct.pack('ii', 1, 0)  # the option SO_LINGER for a close without a farewell


@pytest.fixture
def broker(no_leaks: None) -> Iterator[Broker]:
    """A broker that runs."""
    with Broker() as broker:
        yield broker


def check_served(broker: Broker) -> None:
    """Check that a client that behaves well is served, and that all others are gone."""
    with RawConnection(broker.url) as client:
        channel = client.channel()
        channel.queue('good')
        channel.put('good', b'x')
        assert channel.must_get('good', no_ack=True).body == b'x'
    eventually(lambda: not broker.connections, 'the end of all connections')


def disturb(broker: Broker, seed: int) -> None:
    """Connect again and again, and send frames, damaged frames and other bytes."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    values = HostileValues(dice)
    for _ in range(10):
        if dice.random() < 0.5:
            connection = RawConnection(broker.url)
            for number in CHANNELS:
                connection.channel(number)
            client = connection.wire._socket
        else:
            client = socket.create_connection((broker.host, broker.port), PATIENCE)
            client.sendall(dice.choice((b'', PROTOCOL_HEADER, PROTOCOL_HEADER[:5])))
        try:
            for _ in range(dice.randrange(30)):
                data = encode_method(dice.choice((0, *CHANNELS)), values.any_method())
                if dice.random() < 0.1:
                    data = data[: dice.randrange(len(data))] + dice.randbytes(dice.randrange(9))
                client.sendall(data)
        except OSError:
            pass  # The broker has hung up.
        if dice.random() < 0.5:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()


def test_many_at_once(broker: Broker) -> None:
    threads = [threading.Thread(target=disturb, args=(broker, seed)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    check_served(broker)


def test_a_flood_waits_until_somebody_consumes() -> None:
    with Broker(memory_bytes_max=1_000_000) as broker:
        publisher, consumer = RawConnection(broker.url), RawConnection(broker.url)
        channel = publisher.channel().confirm()
        channel.queue('q')
        for _ in range(200):
            channel.publish(bytes(20_000), '', 'q')
        publisher.expect(ConnectionBlocked)
        assert 0 < len(broker.queue('q')) < 100

        reader = consumer.channel()
        reader.consume('q', no_ack=True)
        assert len(reader.next_bodies(200)) == 200
        publisher.expect(ConnectionUnblocked)
        last = 0
        while last < 200:
            last = max(last, channel.expect(BasicAck).delivery_tag)
        publisher.close()
        consumer.close()


def test_tls_that_breaks_off(certificates: Certificates, no_leaks: None) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server)
    with Broker(tls=context) as broker:
        for data in (b'', b'\x16\x03\x01', b'\x16\x03\x01\x40\x00' + bytes(100), bytes(1000)):
            for reset in (False, True):
                client = socket.create_connection((broker.host, broker.port), PATIENCE)
                client.sendall(data)
                if reset:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                client.close()
        trusting = ssl.create_default_context(cafile=certificates.authority)
        plain = socket.create_connection((broker.host, broker.port), PATIENCE)
        with trusting.wrap_socket(plain, server_hostname='localhost') as client:
            client.sendall(PROTOCOL_HEADER)
            assert client.recv(1) == b'\1'
        eventually(lambda: not broker.connections, 'the end of all connections')


def test_half_a_connection(broker: Broker) -> None:
    client = RawConnection(broker.url)
    client.wire._socket.shutdown(socket.SHUT_WR)
    eventually(lambda: not broker.connections, 'the end of the connection')
    client.abort()

    check_served(broker)
