"""TLS with a real RabbitMQ: bytes of all sizes, who may log in, and what each refusal says."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Self, TypeAlias
from urllib.parse import quote

import pytest

from coolamqp.aio import Cluster
from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import NodeDefinition, Queue
from coolamqp.tracing import LoggingFrameTracer
from tests.both.support import Collector, confirmed, consume
from tests.support.certificates import CLIENT, KEY_PASSWORD, Certificates
from tests.support.ports import HOST
from tests.support.proxy import FaultProxy
from tests.support.tls_listeners import PASSWORD, SECRET, TLSListeners

pytestmark = pytest.mark.integration

Connect: TypeAlias = Callable[..., Cluster]
MiB = 1024 * 1024
LAPSE = 2.0  # seconds in which a start that will be tried again fails once
PATIENCE = 30.0  # seconds


@pytest.fixture(scope='module')
def broker(certificates: Certificates) -> Iterator[TLSListeners]:
    with TLSListeners.running(certificates) as broker:
        yield broker


@pytest.fixture
def connect(face: type[Cluster], broker: TLSListeners) -> Connect:
    """Make Clusters on the port that takes everybody; with options that are to be others."""
    return lambda **options: face(broker.definition(**options))


async def why_not(cluster: Cluster, within: float | None = None) -> str:
    """Try to start, and return the reason why that is not possible.

    Without a limit in seconds it must be one that ends the start at once.
    """
    with pytest.raises(ConnectionDead) as raised:
        await cluster.start(timeout=within)
    assert cluster.is_shutdown()
    return str(raised.value)


def user_of(broker: TLSListeners) -> str:
    """Return who is logged in, and whether over TLS."""
    return broker.connections('user', 'ssl', 'auth_mechanism').strip()


# -- bytes


@pytest.mark.parametrize('listener', ['port', 'old'])
@pytest.mark.usefixtures('broker', 'no_leaks')
async def test_bodies_of_all_sizes(broker: TLSListeners, connect: Connect, listener: str) -> None:
    bodies = [bytes([number]) * size for number, size in enumerate(
        (0, 1, 2, 4095, 16 * 1024, 16 * 1024 + 1, 131072, 300_000, 5 * MiB)
    )]  # fmt: skip
    async with connect(port=getattr(broker, listener)) as cluster:
        collector = Collector()
        await consume(cluster, Queue('sizes', auto_delete=True), collector)
        await asyncio.gather(*(confirmed(cluster, body, 'sizes') for body in bodies))
        await collector.wait_for(len(bodies))
    assert collector.bodies == bodies


async def test_many_bytes_both_ways_at_once_over_a_slow_network(
    broker: TLSListeners, connect: Connect
) -> None:
    body = bytes(range(256)) * 4096
    with FaultProxy(HOST, broker.port) as proxy:
        async with connect(port=proxy.port) as cluster:
            collector = Collector()
            await consume(cluster, Queue('slow', auto_delete=True), collector)
            proxy.pause()  # the sockets fill, in both directions
            futures = [confirmed(cluster, body, 'slow') for _ in range(20)]
            proxy.resume()
            await asyncio.gather(*futures)
            await collector.wait_for(20)
    assert set(collector.bodies) == {body}


async def test_a_handshake_in_small_pieces(broker: TLSListeners, connect: Connect) -> None:
    with FaultProxy(HOST, broker.port) as proxy:
        proxy.split(100)
        async with connect(port=proxy.port) as cluster:
            assert cluster.connected


async def test_reconnecting_after_a_cut(broker: TLSListeners, connect: Connect) -> None:
    with FaultProxy(HOST, broker.port) as proxy:
        async with connect(port=proxy.port) as cluster:
            proxy.cut()
            await confirmed(cluster, b'', 'nowhere')
            assert proxy.accepted > 1


# -- who may log in


@pytest.mark.parametrize('mechanism', ['PLAIN', 'AMQPLAIN'])
async def test_logging_in_by_password(
    broker: TLSListeners, connect: Connect, mechanism: str
) -> None:
    async with connect(auth_mechanism=mechanism):
        assert user_of(broker) == f'guest\ttrue\t{mechanism}'
    reason = await why_not(connect(auth_mechanism=mechanism, password='not-it'))
    assert f'Login was refused using authentication mechanism {mechanism}' in reason
    assert 'not-it' not in reason


async def test_logging_in_by_certificate(
    broker: TLSListeners, connect: Connect, certificates: Certificates
) -> None:
    login = {'user': None, 'password': None, 'certfile': certificates.client}
    async with connect(port=broker.strict, **login):
        assert user_of(broker) == f'{CLIENT}\ttrue\tEXTERNAL'
    reason = await why_not(connect(auth_mechanism='external'))
    assert 'Login was refused using authentication mechanism EXTERNAL' in reason


async def test_a_key_may_have_a_password(
    broker: TLSListeners, connect: Connect, certificates: Certificates
) -> None:
    key = {'keyfile': certificates.client_key, 'key_password': KEY_PASSWORD}
    async with connect(port=broker.strict, certfile=certificates.client, **key) as cluster:
        assert cluster.connected


async def test_a_connection_string_with_all_of_it(
    broker: TLSListeners, face: type[Cluster], certificates: Certificates
) -> None:
    async with face(
        NodeDefinition(
            f'amqps://localhost:{broker.strict}?cacertfile={certificates.authority}'
            f'&certfile={certificates.client}&keyfile={certificates.client_key}'
            f'&password={KEY_PASSWORD.replace(" ", "%20")}&auth_mechanism=external'
            '&server_name_indication=localhost&verify=verify_peer&channel_max=20&heartbeat=7'
        )
    ):
        assert user_of(broker) == f'{CLIENT}\ttrue\tEXTERNAL'
        assert broker.connections('channel_max', 'timeout') == '20\t7\n'


async def test_a_context_of_the_program(
    broker: TLSListeners, face: type[Cluster], certificates: Certificates
) -> None:
    context = ssl.create_default_context(cafile=certificates.authority)
    context.load_cert_chain(certificates.client)
    options: dict[str, Any] = {'ssl_context': context, 'auth_mechanism': 'external'}
    async with face(NodeDefinition(host='localhost', port=broker.strict, **options)):
        assert user_of(broker) == f'{CLIENT}\ttrue\tEXTERNAL'


async def test_an_address_may_be_what_the_certificate_is_for(connect: Connect) -> None:
    async with connect(host=HOST) as cluster:
        assert cluster.connected


async def test_a_password_is_seen_nowhere(
    broker: TLSListeners, face: type[Cluster], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = f'amqps://{CLIENT}:{quote(PASSWORD, safe="")}@localhost:{broker.port}?verify=verify_none'
    for mechanism in ('PLAIN', 'AMQPLAIN'):
        tracer = LoggingFrameTracer(log_level=logging.DEBUG)
        node = NodeDefinition(url, auth_mechanism=mechanism)
        async with face(node, log_frames=tracer) as cluster:
            await confirmed(cluster, b'', 'nowhere')

    assert f'{CLIENT}@localhost' in caplog.text
    assert 'ConnectionStartOk' in caplog.text
    assert SECRET not in caplog.text


# -- refusals


async def test_a_certificate_that_has_expired(broker: TLSListeners, connect: Connect) -> None:
    reason = await why_not(connect(port=broker.expired))
    assert f"localhost:{broker.expired}: the broker's certificate has expired" in reason


async def test_a_certificate_for_another_name(broker: TLSListeners, connect: Connect) -> None:
    assert 'is not for localhost' in await why_not(connect(port=broker.elsewhere))
    for name in ('elsewhere.example', 'disable'):
        async with connect(port=broker.elsewhere, server_name_indication=name):
            pass


async def test_an_authority_that_is_not_trusted(
    broker: TLSListeners, connect: Connect, certificates: Certificates
) -> None:
    for authority in (None, certificates.stranger):
        reason = await why_not(connect(cacertfile=authority, tls=True))
        assert 'authority that is not trusted' in reason
    # Without its name being checked, the authority still is.
    stranger = {'cacertfile': certificates.stranger}
    assert 'not trusted' in await why_not(connect(server_name_indication='disable', **stranger))

    async with connect(port=broker.elsewhere, verify='verify_none', **stranger):
        pass


@pytest.mark.usefixtures('broker', 'no_leaks')
async def test_a_broker_that_wants_a_certificate(broker: TLSListeners, connect: Connect) -> None:
    assert 'alert "certificate required"' in await why_not(connect(port=broker.strict))


async def test_a_certificate_of_ours_that_the_broker_does_not_trust(
    connect: Connect, certificates: Certificates
) -> None:
    assert 'alert "unknown ca"' in await why_not(connect(certfile=certificates.impostor))


async def test_tls_to_a_port_without_and_plain_text_to_one_with(
    broker: TLSListeners, connect: Connect
) -> None:
    assert 'the peer does not speak TLS' in await why_not(connect(port=broker.node.port))
    assert 'use amqps://' in await why_not(connect(cacertfile=None))


async def test_a_file_that_is_not_there_is_told_at_once(connect: Connect) -> None:
    with pytest.raises(ValueError, match='cacertfile'):
        connect(cacertfile='/not/there')


# -- peers that fail


class OneWordServer:
    """Takes connections, and then does what the test says with each."""

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


async def test_a_handshake_that_is_cut(connect: Connect) -> None:
    def hear_and_hang_up(connection: socket.socket) -> None:
        connection.recv(100_000)

    with OneWordServer(hear_and_hang_up) as server:
        reason = await why_not(connect(port=server.port), LAPSE)
    assert 'hung up in the TLS handshake' in reason


async def test_a_handshake_that_never_ends(connect: Connect) -> None:
    def say_nothing(connection: socket.socket) -> None:
        while connection.recv(100_000):
            pass

    with OneWordServer(say_nothing) as server:
        reason = await why_not(connect(port=server.port, connection_timeout=0.2), LAPSE)
    assert 'no connection within 0.2 s: no end of the TLS handshake' in reason


async def test_a_broker_that_hangs_up_without_close_notify(
    connect: Connect, certificates: Certificates
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server)

    def shake_hands_and_hang_up(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(8)  # the protocol header; closing sends no close_notify by itself

    with OneWordServer(shake_hands_and_hang_up) as server:
        reason = await why_not(connect(port=server.port), LAPSE)
    assert 'it ends without end of TLS' in reason
