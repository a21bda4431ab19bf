"""The broker that the tests talk to: a real RabbitMQ node, or the embedded broker.

`BROKER=embedded` chooses the embedded one. It is an environment variable so that processes of the
tests inherit it. Tests with the marker `rabbitmq_only` are skipped then.
"""

from __future__ import annotations

import os
from typing import Protocol, Self
from urllib.parse import quote

from coolamqp.broker import Broker
from tests.support.rabbitmq import RabbitMQNode

VARIABLE = 'BROKER'
EMBEDDED = 'embedded'
RABBITMQ = 'rabbitmq'


class BrokerNode(Protocol):
    """A node that tests can stop, kill, freeze and restart; see `RabbitMQNode`."""

    user: str
    password: str
    host: str

    @property
    def port(self) -> int: ...
    @property
    def version(self) -> tuple[int, ...]: ...
    @property
    def running(self) -> bool: ...
    def url(self, vhost: str = '/') -> str: ...
    def log(self, lines: int = 100) -> str: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def restart(self) -> None: ...
    def freeze(self) -> None: ...
    def thaw(self) -> None: ...
    def close(self) -> None: ...
    def sync_declarations(self) -> None: ...
    def add_vhost(self, name: str) -> None: ...
    def delete_vhost(self, name: str) -> None: ...
    def add_reader(self, name: str, vhost: str) -> None: ...
    def add_user(self, name: str, password: str, vhost: str) -> None: ...
    def delete_user(self, name: str) -> None: ...
    def queues(self, vhost: str) -> list[str]: ...
    def client_properties(self) -> str: ...
    def close_all_connections(self) -> None: ...
    def set_memory_alarm(self, on: bool) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class EmbeddedNode:
    """The embedded broker, with the calls of a RabbitMQ node."""

    user = 'guest'
    password = 'guest'
    host = '127.0.0.1'

    def __init__(self) -> None:
        self._broker = Broker()
        self._runs = False

    @property
    def port(self) -> int:
        return self._broker.port

    @property
    def version(self) -> tuple[int, ...]:
        """The version of RabbitMQ as which it behaves."""
        return (4, 0)

    @property
    def running(self) -> bool:
        return self._runs

    def url(self, vhost: str = '/') -> str:
        path = '' if vhost == '/' else quote(vhost, safe='')
        return f'amqp://{self.user}:{self.password}@{self.host}:{self.port}/{path}'

    def log(self, lines: int = 100) -> str:
        """Return nothing: the log of this broker is that of the test."""
        return ''

    def start(self) -> None:
        self._broker.start()
        self._runs = True

    def stop(self) -> None:
        self._runs = False
        self._broker.stop()

    def kill(self) -> None:
        self._broker.refuse()
        self._broker.drop_connections()
        self._broker.refuse(refused=False)
        self.stop()

    def restart(self) -> None:
        self._broker.restart()

    def freeze(self) -> None:
        self._broker.freeze()

    def thaw(self) -> None:
        self._broker.thaw()

    def close(self) -> None:
        if self._runs:
            self.stop()

    def sync_declarations(self) -> None:
        """Do nothing: a declaration is complete when it is answered."""

    def add_vhost(self, name: str) -> None:
        self._broker.add_vhost(name)

    def delete_vhost(self, name: str) -> None:
        self._broker.delete_vhost(name)

    def add_reader(self, name: str, vhost: str) -> None:
        self._broker.add_user(name, name, vhost, configure='', write='')

    def add_user(self, name: str, password: str, vhost: str) -> None:
        self._broker.add_user(name, password, vhost)

    def delete_user(self, name: str) -> None:
        self._broker.delete_user(name)

    def queues(self, vhost: str) -> list[str]:
        return self._broker.queues(vhost)

    def client_properties(self) -> str:
        return ' '.join(
            f'{{"{name}","{value}"}}'
            for connection in self._broker.connections
            for name, value in connection.properties.items()
        )

    def close_all_connections(self) -> None:
        self._broker.close_connections()

    def set_memory_alarm(self, on: bool) -> None:
        (self._broker.block if on else self._broker.unblock)()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_embedded(default: str = RABBITMQ) -> bool:
    """Whether the tests talk to the embedded broker."""
    chosen = os.environ.get(VARIABLE, default)
    if chosen not in (EMBEDDED, RABBITMQ):
        raise ValueError(f'{VARIABLE} is {chosen!r}; it must be {EMBEDDED} or {RABBITMQ}')
    return chosen == EMBEDDED


def make_node() -> BrokerNode:
    """Return a node of the chosen broker, which is not started yet."""
    return EmbeddedNode() if is_embedded() else RabbitMQNode()
