"""A RabbitMQ node with a port for each way of speaking TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from coolamqp.objects import NodeDefinition
from tests.support.certificates import CLIENT, Certificates
from tests.support.ports import HOST, free_port
from tests.support.rabbitmq import RabbitMQNode

SECRET = 'swordfish'
PASSWORD = f'{SECRET}@/:%?#&+[]'
CONNECTION_TIMEOUT = 30.0  # seconds


class TLSListeners:
    """Listeners with TLS on a node.

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

    @classmethod
    @contextmanager
    def running(cls, certificates: Certificates) -> Iterator[Self]:
        """Run a node that takes certificates for logins, with these listeners."""
        mechanisms = ('PLAIN', 'AMQPLAIN', 'EXTERNAL')
        config = {f'auth_mechanisms.{number}': name for number, name in enumerate(mechanisms, 1)}
        config['ssl_cert_login_from'] = 'common_name'
        # Without it RabbitMQ takes nobody's certificate as a login, on whatever listener.
        config['ssl_options.verify'] = 'verify_peer'
        with RabbitMQNode(plugins=['rabbitmq_auth_mechanism_ssl'], config=config) as node:
            yield cls(node, certificates)

    def definition(self, **options: Any) -> NodeDefinition:
        """Return a definition with the port that takes everybody, but for these options."""
        given = {
            'host': 'localhost',
            'port': self.port,
            'user': self.node.user,
            'password': self.node.password,
            'cacertfile': self._authority,
            'connection_timeout': CONNECTION_TIMEOUT,
        }
        return NodeDefinition(**{**given, **options})

    def connections(self, *columns: str) -> str:
        """Return what the broker knows of its connections, a line each."""
        return self.node.ctl('list_connections', '--no-table-headers', *columns)

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
