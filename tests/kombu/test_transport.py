"""The transport: its names, its settings, TLS, and the event loop of Kombu."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import kombu
import pytest
from kombu.asynchronous import Hub
from kombu.transport import get_transport_cls

import coolamqp.kombu
from coolamqp.broker import Broker
from coolamqp.kombu.transport import node_of, options_of
from tests.kombu.conftest import TIMEOUT, Connect, publish
from tests.support.certificates import Certificates

SLOW = 0.02  # seconds, longer than a turn of the transport


def test_kombu_knows_the_names() -> None:
    assert get_transport_cls('coolamqp') is coolamqp.kombu.Transport
    assert get_transport_cls('coolamqps') is coolamqp.kombu.TLSTransport
    assert get_transport_cls('coolamqp.kombu:Transport') is coolamqp.kombu.Transport


def test_the_parts_of_a_connection_string() -> None:
    client = kombu.Connection(
        'coolamqp://me:secret@rabbit.example:5673/jobs', heartbeat=30, connect_timeout=4
    )

    node = node_of(client)

    assert str(node) == 'amqp://me@rabbit.example:5673/jobs'
    assert (node.password, node.heartbeat, node.connection_timeout) == ('secret', 30, 4)
    assert node.auth_mechanism == ('PLAIN', 'AMQPLAIN')


def test_the_settings_of_tls() -> None:
    settings = {'ca_certs': 'ca.pem', 'certfile': 'me.pem', 'server_hostname': 'name'}
    client = kombu.Connection('coolamqps://host', ssl=settings | {'cert_reqs': ssl.CERT_NONE})
    client.create_transport()

    tls = node_of(client).tls

    assert tls is not None
    assert (tls.cacertfile, tls.certfile) == ('ca.pem', 'me.pem')
    assert (tls.server_name_indication, tls.verify) == ('name', 'verify_none')
    with pytest.raises(ValueError, match="no TLS setting 'ca_cert'"):
        node_of(kombu.Connection('coolamqps://host', ssl={'ca_cert': 'ca.pem'}))


def test_tls_needs_no_settings() -> None:
    client = kombu.Connection('coolamqps://host')
    transport = client.create_transport()

    assert transport.default_connection_params['port'] == 5671
    assert str(node_of(client)) == 'amqps://guest@host:5671'


def test_the_options_of_kombu_are_left_out() -> None:
    client = kombu.Connection(
        'coolamqp://', transport_options={'confirm_publish': True, 'max_retries': 3}
    )

    assert options_of(client).confirm_publish
    assert not options_of(kombu.Connection('coolamqp://')).confirm_publish


@pytest.mark.parametrize(
    ('product', 'version', 'follows'),
    [('RabbitMQ', '3.2.4', True), ('RabbitMQ', '3.13.7', False), ('RabbitMQ', '4.0.2', True),
     ('RabbitMQ', '', True), ('Other', '3.13', True)],
)  # fmt: skip
def test_which_brokers_follow_the_specification(product: str, version: str, follows: bool) -> None:
    transport = coolamqp.kombu.Transport(None)
    connection: Any = SimpleNamespace(server_properties={'product': product, 'version': version})

    assert transport.qos_semantics_matches_spec(connection) is follows


def test_tls(certificates: Certificates) -> None:
    settings = {'ca_certs': certificates.authority}
    with (
        Broker(tls=server_context(certificates)) as broker,
        kombu.Connection(f'coolamqps://localhost:{broker.port}', ssl=settings) as connection,
    ):
        queue = kombu.Queue('secret', auto_delete=False)(connection.default_channel)
        queue.declare()
        publish(connection.default_channel, queue, b'x' * 1_000_000)
        message = queue.get()
    assert len(message.body) == 1_000_000


def test_an_unknown_certificate_is_refused(certificates: Certificates) -> None:
    with (
        Broker(tls=server_context(certificates)) as broker,
        kombu.Connection(f'coolamqps://localhost:{broker.port}') as connection,
        pytest.raises(connection.connection_errors, match='certificate'),
    ):
        connection.connect()


def server_context(certificates: Certificates) -> ssl.SSLContext:
    """Return the TLS settings of a broker."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server)
    return context


# Event loops


@pytest.fixture
def hub() -> Iterator[Hub]:
    """An event loop of Kombu, as Celery uses it."""
    hub = Hub()
    hub.propagate_errors = (Exception,)
    yield hub
    hub.close()


@pytest.mark.integration
@pytest.mark.parametrize('count', [1, 200])
def test_an_event_loop_drains_events(
    connect: Connect, url: str, connection: Any, queue: Any, hub: Hub, count: int
) -> None:
    publish(connection, queue, *range(count))
    worker, received = connect(url), list[int]()

    def on_message(message: Any) -> None:
        received.append(message.payload)
        message.ack()

    worker.register_with_event_loop(hub)
    with kombu.Consumer(worker.default_channel, [queue], on_message=on_message):
        run(hub, lambda: len(received) == count)

    assert received == list(range(count))


@pytest.mark.integration
def test_an_event_loop_hears_what_a_call_has_received(
    connect: Connect, url: str, connection: Any, queue: Any, hub: Hub
) -> None:
    """Messages that come while a call waits for its answer leave no bytes in the socket."""
    worker, received = connect(url), list[Any]()
    worker.register_with_event_loop(hub)
    with kombu.Consumer(worker.default_channel, [queue], on_message=received.append):
        publish(connection, queue, 'one', 'two', 'three')
        while bound(queue, worker).queue_declare(passive=True).message_count:
            pass
        run(hub, lambda: len(received) == 3)


@pytest.mark.integration
def test_an_event_loop_has_time_for_other_work(
    connect: Connect, ours: str, connection: Any, queue: Any, hub: Hub
) -> None:
    """py-amqp calls the consumers while it waits for an answer, too."""
    publish(connection, queue, *range(5))
    worker, turns, never = connect(ours), list[str](), threading.Event()
    hub.on_tick.add(lambda: turns.append('tick'))

    def on_message(message: Any) -> None:
        turns.append('message')
        never.wait(SLOW)

    worker.register_with_event_loop(hub)
    with kombu.Consumer(worker.default_channel, [queue], on_message=on_message):
        run(hub, lambda: turns.count('message') == 5)
    assert 'message message' not in ' '.join(turns)


@pytest.mark.integration
def test_an_event_loop_hears_of_the_end(
    connect: Connect, url: str, rabbitmq: Any, hub: Hub
) -> None:
    worker = connect(url)
    worker.connect()
    worker.register_with_event_loop(hub)
    rabbitmq.close_all_connections()

    with pytest.raises(worker.connection_errors):
        run(hub, lambda: False)
    assert not worker.connected


@pytest.mark.integration
def test_an_event_loop_hears_what_a_call_that_fails_has_received(
    connect: Connect, ours: str, connection: Any, queue: Any, hub: Hub
) -> None:
    publish(connection, queue, 'one')
    worker, received = connect(ours), list[Any]()
    channel, publisher = worker.channel(), worker.channel()
    worker.register_with_event_loop(hub)
    channel.basic_consume(queue.name, callback=received.append)
    while not worker.connection.events:
        channel.basic_qos(0, 10, False)
    worker.connection.drain_ready(0)
    publish(connection, queue, 'two')
    publisher.basic_publish(publisher.prepare_message(b''), '', 'nowhere', mandatory=True)
    with pytest.raises(worker.channel_errors):
        call_until_it_fails(lambda: bound(queue, worker).queue_declare(passive=True))

    run(hub, lambda: len(received) == 2)


@pytest.mark.integration
def test_a_connection_may_be_registered_again(
    connect: Connect, ours: str, hub: Hub, no_leaks: None
) -> None:
    worker = connect(ours)
    worker.connect()
    for _ in range(2):
        worker.register_with_event_loop(hub)
    worker.release()


def call_until_it_fails(call: Callable[[], object]) -> None:
    while True:
        call()


def run(hub: Hub, until: Any) -> None:
    """Run an event loop until a condition holds."""
    hub.call_later(TIMEOUT, pytest.fail, 'the event loop waits')
    loop = hub.create_loop()
    while not until():
        next(loop)


def bound(queue: Any, connection: Any) -> Any:
    """Return a queue on the default channel of a connection."""
    return queue(connection.default_channel)
