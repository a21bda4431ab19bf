"""TLS with a real RabbitMQ: bytes of all sizes, who may log in, and what each refusal says."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self, TypeAlias
from urllib.parse import quote

import pytest

from coolamqp.clustering import Cluster
from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import Message, NodeDefinition, Queue
from coolamqp.tracing import LoggingFrameTracer
from tests.integration.support import PATIENCE, Collector, await_reconnect, confirmed, consume
from tests.support.certificates import CLIENT, KEY_PASSWORD, Certificates
from tests.support.ports import HOST, free_port
from tests.support.proxy import FaultProxy
from tests.support.rabbitmq import RabbitMQNode

pytestmark = pytest.mark.integration

MakeNode: TypeAlias = Callable[..., NodeDefinition]
MiB = 1024 * 1024
SECRET = 'swordfish'
PASSWORD = f'{SECRET}@/:%?#&+[]'
LAPSE = 2.0  # seconds in which a start that will be tried again fails once


class TLSListeners:
    """A RabbitMQ with a port for each way of speaking TLS.

    :ivar node: the node; its `port` is the one without TLS
    :ivar port: takes clients with and without a certificate
    :ivar strict: takes those with a certificate only
    :ivar expired: has a certificate that has expired
    :ivar elsewhere: has a certificate for another name
    :ivar old: speaks TLS 1.2 only
    """

    def __init__(self, node: RabbitMQNode, certificates: Certificates) -> None:
        self.node = node
        self._authority = certificates.authority
        self.port = self._listen(certificates.server)
        self.strict = self._listen(certificates.server, strict=True)
        self.expired = self._listen(certificates.expired)
        self.elsewhere = self._listen(certificates.elsewhere)
        self.old = self._listen(certificates.server, versions="'tlsv1.2'")
        node.ctl('add_user', CLIENT, PASSWORD)
        node.ctl('set_permissions', CLIENT, '.*', '.*', '.*')

    def _listen(
        self, certificate: str, *, strict: bool = False, versions: str = "'tlsv1.2','tlsv1.3'"
    ) -> int:
        port = free_port()
        options = (
            f'[{{cacertfile,"{self._authority}"}},{{certfile,"{certificate}"}},'
            f'{{keyfile,"{certificate}"}},{{verify,verify_peer}},'
            f'{{fail_if_no_peer_cert,{str(strict).lower()}}},{{versions,[{versions}]}}]'
        )
        started = f'rabbit_networking:start_ssl_listener({{"{HOST}",{port}}},{options},2)'
        self.node.eval(f'ok = {started}')
        return port


@pytest.fixture(scope='module')
def broker(certificates: Certificates) -> Iterator[TLSListeners]:
    mechanisms = ('PLAIN', 'AMQPLAIN', 'EXTERNAL')
    config = {f'auth_mechanisms.{number}': name for number, name in enumerate(mechanisms, 1)}
    config['ssl_cert_login_from'] = 'common_name'
    # Without it RabbitMQ takes nobody's certificate as a login, on whatever listener.
    config['ssl_options.verify'] = 'verify_peer'
    with RabbitMQNode(plugins=['rabbitmq_auth_mechanism_ssl'], config=config) as node:
        yield TLSListeners(node, certificates)


@pytest.fixture
def make_node(broker: TLSListeners, certificates: Certificates) -> MakeNode:
    """Make nodes on the port that takes everybody; with options that are to be others."""

    def make(**options: Any) -> NodeDefinition:
        given = {
            'host': 'localhost',
            'port': broker.port,
            'user': broker.node.user,
            'password': broker.node.password,
            'cacertfile': certificates.authority,
            'connection_timeout': PATIENCE,
        }
        return NodeDefinition(**{**given, **options})

    return make


@contextmanager
def cluster_on(node: NodeDefinition) -> Iterator[Cluster]:
    cluster = Cluster(node)
    try:
        cluster.start(timeout=PATIENCE)
        yield cluster
    finally:
        cluster.shutdown()


def why_not(node: NodeDefinition, timeout: float | None = None) -> str:
    """Try to connect, and give the reason why that is not possible.

    Without a time-out it must be one that ends the start at once.
    """
    cluster = Cluster(node)
    with pytest.raises(ConnectionDead) as raised:
        cluster.start(timeout=timeout)
    assert cluster.is_shutdown()
    return str(raised.value)


def connections(broker: TLSListeners, *columns: str) -> str:
    """Give what the broker knows of its connections, a line each."""
    return broker.node.ctl('list_connections', '--no-table-headers', *columns)


def user_of(broker: TLSListeners) -> str:
    """Give who is logged in, and whether over TLS."""
    return connections(broker, 'user', 'ssl', 'auth_mechanism').strip()


# -- bytes


@pytest.mark.parametrize('listener', ['port', 'old'])
@pytest.mark.usefixtures('broker', 'no_leaks')
def test_bodies_of_all_sizes(broker: TLSListeners, make_node: MakeNode, listener: str) -> None:
    bodies = [bytes([number]) * size for number, size in enumerate(
        (1, 2, 4095, 16 * 1024, 16 * 1024 + 1, 131072, 300_000, 5 * MiB)
    )]  # fmt: skip
    with cluster_on(make_node(port=getattr(broker, listener))) as cluster:
        queue, collector = Queue('sizes', auto_delete=True), Collector()
        consume(cluster, queue, collector)
        for future in [confirmed(cluster, body, 'sizes') for body in bodies]:
            future.result(PATIENCE)
        collector.wait_for(len(bodies))

    assert collector.bodies == bodies


def test_many_bytes_both_ways_at_once_over_a_slow_network(
    broker: TLSListeners, make_node: MakeNode
) -> None:
    body = bytes(range(256)) * 4096
    with FaultProxy(HOST, broker.port) as proxy, cluster_on(make_node(port=proxy.port)) as cluster:
        queue, collector = Queue('slow', auto_delete=True), Collector()
        consume(cluster, queue, collector)
        proxy.pause()  # the sockets fill, in both directions
        futures = [confirmed(cluster, body, 'slow') for _ in range(20)]
        proxy.resume()
        for future in futures:
            future.result(PATIENCE)
        collector.wait_for(20)

    assert set(collector.bodies) == {body}


def test_ciphertext_that_the_socket_does_not_take_goes_out_later(
    broker: TLSListeners, make_node: MakeNode
) -> None:
    queue, collector, count = Queue('rest', auto_delete=True), Collector(), 0
    with (
        cluster_on(make_node()) as receiver,
        FaultProxy(HOST, broker.port) as proxy,
        # Neither heartbeats nor confirms shall remind it of what it has not sent.
        cluster_on(make_node(port=proxy.port, heartbeat=0)) as sender,
    ):
        consume(receiver, queue, collector)
        proxy.pause()
        while not rests_within_tls(sender):
            sender.publish(Message(bytes(8 * 1024)), routing_key='rest')
            count += 1
        proxy.resume()
        collector.wait_for(count)


def rests_within_tls(cluster: Cluster) -> bool:
    """Whether all that was published has been encrypted, and the socket is full."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with cluster._core.lock:
            listener, engine = cluster._core.driver, cluster._core.engine
            assert listener is not None
            assert engine.link is not None
            transport = listener._transport
            assert transport is not None
            if transport._tls and transport._tls.unsent:
                return True
            if not engine.link.unsent:
                return False
        time.sleep(0.001)
    pytest.fail('the I/O thread does not take what is published')


def test_a_handshake_in_small_pieces(broker: TLSListeners, make_node: MakeNode) -> None:
    with FaultProxy(HOST, broker.port) as proxy:
        proxy.split(100)
        with cluster_on(make_node(port=proxy.port)) as cluster:
            assert cluster.connected


# -- who may log in


@pytest.mark.parametrize('mechanism', ['PLAIN', 'AMQPLAIN'])
def test_logging_in_by_password(broker: TLSListeners, make_node: MakeNode, mechanism: str) -> None:
    with cluster_on(make_node(auth_mechanism=mechanism)):
        assert user_of(broker) == f'guest\ttrue\t{mechanism}'


@pytest.mark.parametrize('mechanism', ['PLAIN', 'AMQPLAIN'])
def test_a_wrong_password(make_node: MakeNode, mechanism: str) -> None:
    reason = why_not(make_node(auth_mechanism=mechanism, password='not-it'))
    assert f'Login was refused using authentication mechanism {mechanism}' in reason
    assert 'not-it' not in reason


def test_logging_in_by_certificate(
    broker: TLSListeners, make_node: MakeNode, certificates: Certificates
) -> None:
    login = {'user': None, 'password': None, 'certfile': certificates.client}
    with cluster_on(make_node(port=broker.strict, **login)):
        assert user_of(broker) == f'{CLIENT}\ttrue\tEXTERNAL'


def test_a_connection_string_with_all_of_it(
    broker: TLSListeners, certificates: Certificates
) -> None:
    with cluster_on(
        NodeDefinition(
            f'amqps://localhost:{broker.strict}?cacertfile={certificates.authority}'
            f'&certfile={certificates.client}&keyfile={certificates.client_key}'
            f'&password={KEY_PASSWORD.replace(" ", "%20")}&auth_mechanism=external'
            '&server_name_indication=localhost&verify=verify_peer&channel_max=20&heartbeat=7'
        )
    ) as cluster:
        assert user_of(broker) == f'{CLIENT}\ttrue\tEXTERNAL'
        assert connections(broker, 'channel_max', 'timeout') == '20\t7\n'
        assert cluster.connected


def test_external_without_a_certificate(make_node: MakeNode) -> None:
    reason = why_not(make_node(auth_mechanism='external'))
    assert 'Login was refused using authentication mechanism EXTERNAL' in reason


def test_a_context_of_the_program(broker: TLSListeners, certificates: Certificates) -> None:
    context = ssl.create_default_context(cafile=certificates.authority)
    context.load_cert_chain(certificates.client)
    with cluster_on(
        NodeDefinition(
            host='localhost', port=broker.strict, ssl_context=context, auth_mechanism='external'
        )
    ):
        assert user_of(broker) == f'{CLIENT}\ttrue\tEXTERNAL'


def test_an_address_may_be_what_the_certificate_is_for(make_node: MakeNode) -> None:
    with cluster_on(make_node(host=HOST)) as cluster:
        assert cluster.connected


def test_a_password_is_seen_nowhere(make_node: MakeNode, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    port = make_node().port
    url = f'amqps://{CLIENT}:{quote(PASSWORD, safe="")}@localhost:{port}?verify=verify_none'
    for mechanism in ('PLAIN', 'AMQPLAIN'):
        node = NodeDefinition(url, auth_mechanism=mechanism)
        tracer = LoggingFrameTracer(log_level=logging.DEBUG)
        with Cluster(node, log_frames=tracer) as cluster:
            confirmed(cluster, b'', 'nowhere').result(PATIENCE)

    assert f'{CLIENT}@localhost' in caplog.text
    assert 'ConnectionStartOk' in caplog.text
    assert SECRET not in caplog.text


# -- refusals


def test_a_certificate_that_has_expired(broker: TLSListeners, make_node: MakeNode) -> None:
    reason = why_not(make_node(port=broker.expired))
    assert f"localhost:{broker.expired}: the broker's certificate has expired" in reason


def test_a_certificate_for_another_name(broker: TLSListeners, make_node: MakeNode) -> None:
    assert 'is not for localhost' in why_not(make_node(port=broker.elsewhere))

    for name in ('elsewhere.example', 'disable'):
        with cluster_on(make_node(port=broker.elsewhere, server_name_indication=name)):
            pass


def test_an_authority_that_is_not_trusted(make_node: MakeNode, certificates: Certificates) -> None:
    for authority in (None, certificates.stranger):
        assert 'authority that is not trusted' in why_not(make_node(cacertfile=authority, tls=True))
    # Without its name being checked, the authority still is.
    stranger = {'cacertfile': certificates.stranger}
    assert 'not trusted' in why_not(make_node(server_name_indication='disable', **stranger))

    with cluster_on(make_node(verify='verify_none', **stranger)):
        pass


def test_a_broker_that_wants_a_certificate(broker: TLSListeners, make_node: MakeNode) -> None:
    assert 'alert "certificate required"' in why_not(make_node(port=broker.strict))


def test_a_certificate_of_ours_that_the_broker_does_not_trust(
    make_node: MakeNode, certificates: Certificates
) -> None:
    assert 'alert "unknown ca"' in why_not(make_node(certfile=certificates.impostor))


def test_tls_to_a_port_without(broker: TLSListeners, make_node: MakeNode) -> None:
    assert 'the peer does not speak TLS' in why_not(make_node(port=broker.node.port))


def test_plain_text_to_a_port_with_tls(make_node: MakeNode) -> None:
    assert 'use amqps://' in why_not(make_node(cacertfile=None))


# -- faults


def test_a_child_process_ends_no_tls_of_its_parent(make_node: MakeNode) -> None:
    with cluster_on(make_node()) as cluster, warnings.catch_warnings():
        # Since Python 3.12 a fork of a process with threads warns, which is the point here.
        warnings.simplefilter('ignore', DeprecationWarning)
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)

        cluster.declare(Queue('after the fork', exclusive=True)).result(PATIENCE)

        assert cluster.faults == []


def test_reconnecting_after_a_cut(broker: TLSListeners, make_node: MakeNode) -> None:
    with FaultProxy(HOST, broker.port) as proxy, cluster_on(make_node(port=proxy.port)) as cluster:
        proxy.cut()
        confirmed(cluster, b'', 'nowhere').result(PATIENCE)
        await_reconnect(cluster)
        assert proxy.accepted > 1


class OneWordServer:
    """Takes connections with TLS, and then does what the test says with each."""

    def __init__(self, act: Callable[[socket.socket], None]) -> None:
        self._listening = socket.create_server((HOST, 0))
        self.port: int = self._listening.getsockname()[1]
        self._act = act
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection, suppress(OSError):  # the client may go away at any time
                self._act(connection)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._listening.close()


def test_a_handshake_that_is_cut(make_node: MakeNode) -> None:
    def hear_and_hang_up(connection: socket.socket) -> None:
        connection.recv(100_000)

    with OneWordServer(hear_and_hang_up) as server:
        assert 'hung up in the TLS handshake' in why_not(make_node(port=server.port), LAPSE)


def test_a_handshake_that_never_ends(make_node: MakeNode) -> None:
    def say_nothing(connection: socket.socket) -> None:
        while connection.recv(100_000):
            pass

    with OneWordServer(say_nothing) as server:
        reason = why_not(make_node(port=server.port, connection_timeout=0.2), LAPSE)
    assert 'no connection within 0.2 s: no end of the TLS handshake' in reason


def test_a_broker_that_hangs_up_without_close_notify(
    make_node: MakeNode, certificates: Certificates
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server)

    def shake_hands_and_hang_up(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(8)  # the protocol header; closing sends no close_notify by itself

    with OneWordServer(shake_hands_and_hang_up) as server:
        assert 'it ends without end of TLS' in why_not(make_node(port=server.port), LAPSE)
