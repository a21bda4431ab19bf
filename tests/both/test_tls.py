"""TLS with a real RabbitMQ: bytes of all sizes, who may log in, and what each refusal says."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias
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

pytestmark = [pytest.mark.integration, pytest.mark.rabbitmq_only]

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


REFUSALS: dict[str, tuple[Callable[[TLSListeners, Certificates], dict[str, Any]], str]] = {
    'expired': (
        lambda broker, _: {'port': broker.expired},
        "the broker's certificate has expired",
    ),
    'for another name': (lambda broker, _: {'port': broker.elsewhere}, 'is not for localhost'),
    'from an unknown authority': (
        lambda _broker, _: {'cacertfile': None, 'tls': True},
        'authority that is not trusted',
    ),
    'from a stranger, though its name is not checked': (
        lambda _, files: {'cacertfile': files.stranger, 'server_name_indication': 'disable'},
        'not trusted',
    ),
    'ours is missing': (lambda broker, _: {'port': broker.strict}, 'alert "certificate required"'),
    'ours is not trusted': (lambda _, files: {'certfile': files.impostor}, 'alert "unknown ca"'),
    'a port without TLS': (
        lambda broker, _: {'port': broker.node.port},
        'the peer does not speak TLS',
    ),
    'plain text to a port with TLS': (lambda _broker, _: {'cacertfile': None}, 'use amqps://'),
}


@pytest.mark.parametrize(('options', 'words'), REFUSALS.values(), ids=REFUSALS)
@pytest.mark.usefixtures('broker', 'no_leaks')
async def test_a_refusal_says_why(
    broker: TLSListeners,
    connect: Connect,
    certificates: Certificates,
    options: Callable[[TLSListeners, Certificates], dict[str, Any]],
    words: str,
) -> None:
    assert words in await why_not(connect(**options(broker, certificates)))


async def test_less_is_checked_if_that_is_said(
    broker: TLSListeners, connect: Connect, certificates: Certificates
) -> None:
    for options in (
        {'server_name_indication': 'elsewhere.example'},
        {'server_name_indication': 'disable'},
        {'verify': 'verify_none', 'cacertfile': certificates.stranger},
    ):
        async with connect(port=broker.elsewhere, **options) as cluster:
            assert cluster.connected


async def test_a_handshake_that_never_ends(connect: Connect) -> None:
    with socket.create_server((HOST, 0)) as silent:
        port = silent.getsockname()[1]
        reason = await why_not(connect(port=port, connection_timeout=0.2), LAPSE)
    assert 'no connection within 0.2 s: no end of the TLS handshake' in reason
