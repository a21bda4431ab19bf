"""The list of the clients, each with its adapter and its environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tests.support.environments import OURS


@dataclass(frozen=True)
class Client:
    """A client.

    :ivar adapter: a module of `bench.clients`
    :ivar environment: the virtual environment, see `tests.support.environments`
    :ivar distribution: the package that has the version
    :ivar variables: environment variables for the process
    :ivar share: the fraction of the messages of a run; smaller for slow clients
    :ivar one_by_one_share: the same if each message waits for the one before
    :ivar compiled: whether the client is compiled, or written in C
    """

    name: str
    label: str
    adapter: str
    environment: str
    distribution: str
    variables: dict[str, str] = field(default_factory=dict)
    share: float = 1.0
    one_by_one_share: float = 1.0
    compiled: bool = False

    @property
    def module(self) -> str:
        """The full name of the adapter."""
        return f'bench.clients.{self.adapter}'

    @property
    def ours(self) -> bool:
        """Whether it is this version of CoolAMQP."""
        return self.environment == OURS and self.name != RAW_SOCKET


RAW_SOCKET: Final = 'raw'
C_CLIENT: Final = 'librabbitmq'

CLIENTS: Final = (
    Client('raw', 'raw socket', 'raw_socket', OURS, '', compiled=True),
    Client('threads', 'CoolAMQP, threads', 'coolamqp_threads', OURS, 'coolamqp', compiled=True),
    Client('inline', 'CoolAMQP, inline', 'coolamqp_inline', OURS, 'coolamqp', compiled=True),
    Client('asyncio', 'CoolAMQP, asyncio', 'coolamqp_asyncio', OURS, 'coolamqp', compiled=True),
    Client('traced', 'CoolAMQP, traced', 'coolamqp_traced', OURS, 'coolamqp', compiled=True),
    Client(
        'pure',
        'CoolAMQP, not compiled',
        'coolamqp_threads',
        OURS,
        'coolamqp',
        variables={'COOLAMQP_PURE': '1'},
    ),
    Client(
        'librabbitmq',
        'librabbitmq (C)',
        'librabbitmq',
        'librabbitmq',
        'librabbitmq-fork',
        compiled=True,
    ),
    Client('pika_select', 'pika, select', 'pika_select', 'pika', 'pika', share=0.5),
    Client('pika_blocking', 'pika, blocking', 'pika_blocking', 'pika', 'pika', share=0.3),
    Client('coolamqp_2', 'CoolAMQP 2', 'coolamqp_2', 'coolamqp_2', 'coolamqp', share=0.5),
    Client(
        'amqpstorm',
        'amqpstorm',
        'amqpstorm',
        'amqpstorm',
        'AMQPStorm',
        share=0.5,
        one_by_one_share=0.1,
    ),
    Client('py_amqp', 'py-amqp', 'py_amqp', 'amqp', 'amqp', share=0.3),
    Client(
        'rabbitpy', 'rabbitpy', 'rabbitpy', 'rabbitpy', 'rabbitpy', share=0.2, one_by_one_share=0.05
    ),
    Client('aiormq', 'aiormq', 'aiormq', 'aio_pika', 'aiormq', share=0.2),
    Client('aio_pika', 'aio-pika', 'aio_pika', 'aio_pika', 'aio-pika', share=0.15),
)
BY_NAME: Final = {client.name: client for client in CLIENTS}


def chosen(names: list[str]) -> list[Client]:
    """Return the clients with these names."""
    if unknown := [name for name in names if name not in BY_NAME]:
        raise ValueError(f'there is no client {unknown[0]}; choose from {", ".join(BY_NAME)}')
    return [BY_NAME[name] for name in names]
