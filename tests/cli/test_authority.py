"""The certificates that `coolamqp broker --tls` makes."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from coolamqp.broker import Broker
from coolamqp.cli.authority import authority_file, use_own_certificate
from coolamqp.cli.config import config_file
from coolamqp.clustering import Cluster
from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import NodeDefinition


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_CONFIG_HOME', str(tmp_path / 'config'))


def server_context(host: str = '127.0.0.1') -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    use_own_certificate(context, host)
    return context


def connects(broker: Broker, name: str = 'localhost') -> bool:
    """Whether a client that trusts the authority connects, and expects this name."""
    address = f'{broker.url}?cacertfile={authority_file()}&server_name_indication={name}'
    try:
        with Cluster(NodeDefinition(address)):
            return True
    except ConnectionDead as error:
        assert 'certificate is not for' in str(error)  # noqa: PT017 - the only reason to fail
        return False


def test_clients_that_trust_the_authority_connect() -> None:
    with Broker(tls=server_context()) as broker:
        assert connects(broker)
        assert not connects(broker, 'elsewhere.example')


def test_the_authority_is_made_once() -> None:
    server_context()
    made = authority_file().read_bytes()
    with Broker(tls=server_context()) as broker:
        assert authority_file().read_bytes() == made
        assert connects(broker)


def test_nobody_else_may_read_the_key() -> None:
    server_context()

    assert config_file('ca-key.pem').stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ('host', 'name'), [('rabbit.example', 'rabbit.example'), ('0.0.0.0', socket.gethostname())]
)
def test_the_certificate_has_the_name_of_the_host(host: str, name: str) -> None:
    with Broker(tls=server_context(host)) as broker:
        assert connects(broker, name)
