"""Who is measured: each client, with its adapter and its environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from bench.environments import OURS


@dataclass(frozen=True)
class Client:
    """One row of the tables.

    `adapter` is a module of `bench.clients`, run in `environment` with `variables` set; the version
    is that of `distribution`. `share` is the part of the messages that is enough to measure a slow
    one, and `patience` the same where each message waits for the one before.
    """

    name: str
    label: str
    adapter: str
    environment: str
    distribution: str
    variables: dict[str, str] = field(default_factory=dict)
    share: float = 1.0
    patience: float = 1.0
    compiled: bool = False  # or in C

    @property
    def module(self) -> str:
        """The full name of the adapter."""
        return f'bench.clients.{self.adapter}'

    @property
    def ours(self) -> bool:
        """Whether it is what this bench is about."""
        return self.environment == OURS and self.name != FLOOR


FLOOR: Final = 'raw'
C_CLIENT: Final = 'librabbitmq'

ROSTER: Final = (
    Client('raw', 'raw socket (the floor)', 'raw_socket', OURS, '', compiled=True),
    Client('threads', 'CoolAMQP, threads', 'coolamqp_threads', OURS, 'coolamqp', compiled=True),
    Client('inline', 'CoolAMQP, inline', 'coolamqp_inline', OURS, 'coolamqp', compiled=True),
    Client('asyncio', 'CoolAMQP, asyncio', 'coolamqp_asyncio', OURS, 'coolamqp', compiled=True),
    Client(
        'pure',
        'CoolAMQP, threads, not compiled',
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
        'amqpstorm', 'amqpstorm', 'amqpstorm', 'amqpstorm', 'AMQPStorm', share=0.5, patience=0.1
    ),
    Client('py_amqp', 'py-amqp', 'py_amqp', 'amqp', 'amqp', share=0.3),
    Client('rabbitpy', 'rabbitpy', 'rabbitpy', 'rabbitpy', 'rabbitpy', share=0.2, patience=0.05),
    Client('aiormq', 'aiormq', 'aiormq', 'aio_pika', 'aiormq', share=0.2),
    Client('aio_pika', 'aio-pika', 'aio_pika', 'aio_pika', 'aio-pika', share=0.15),
)
BY_NAME: Final = {client.name: client for client in ROSTER}


def chosen(names: list[str]) -> list[Client]:
    """Give the clients of these names."""
    if unknown := [name for name in names if name not in BY_NAME]:
        raise ValueError(f'{unknown[0]} is none of {", ".join(BY_NAME)}')
    return [BY_NAME[name] for name in names]
