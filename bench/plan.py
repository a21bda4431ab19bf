"""The plan of `make bench`: clients, items and numbers of messages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from bench.client_list import CLIENTS, Client, chosen
from bench.task import WORKS, Item

# The number of messages of 100 bytes in a run. Fewer give no stable figure.
MESSAGES: Final = {
    'publish': 15_000,
    'confirm': 12_000,
    'confirm-each': 500,
    'consume': 15_000,
    'consume-ack': 10_000,
    'ping-pong': 1_000,
    'ping-pong-busy': 100,
}
# The largest size of all messages of a run together, in bytes.
BYTES_MAX: Final = 512 << 20
MESSAGES_MIN: Final = 50

MAIN: Final = ('publish', 'confirm', 'confirm-each', 'consume', 'consume-ack')
CLOSE: Final = ('raw', 'threads', 'librabbitmq', 'pika_select')


@dataclass(frozen=True)
class Entry:
    """One client for one item."""

    client: Client
    item: Item
    messages: int


def entry(client: Client, item: Item, messages: int | None = None) -> Entry:
    """Return an entry; the number of messages depends on work, size and client by default."""
    if messages is None:
        share = client.one_by_one_share if item.one_by_one else client.share
        messages = int(MESSAGES[item.work] * share)
        messages = max(MESSAGES_MIN, min(messages, BYTES_MAX // item.size))
    return Entry(client, item, messages)


def entries(clients: list[Client], items: list[Item], messages: int | None) -> list[Entry]:
    """Return entries for all clients and items.

    The clients of an item run one after the other, so that the machine is in the same state.
    """
    return [entry(client, item, messages) for item in items for client in clients]


def quick() -> list[Entry]:
    """Return the plan for a minute: the nearest peers for four works."""
    items = [Item(work=work) for work in MAIN if work != 'confirm-each']
    return [
        replace(one, messages=one.messages // 2) for one in entries(chosen([*CLOSE]), items, None)
    ]


def full() -> list[Entry]:
    """Return the plan for ten minutes: all clients for the main works, the nearest for the rest."""
    main = entries([*CLIENTS], [Item(work=work) for work in MAIN], None)
    return main + _sizes() + _headers() + _threads() + _scale() + _latency() + _null()


def _sizes() -> list[Entry]:
    items = [
        Item(work=work, size=size)
        for size in (1 << 10, 16 << 10, 1 << 20)
        for work in ('publish', 'consume')
    ]
    return entries(chosen([*CLOSE]), items, None)


def _headers() -> list[Entry]:
    items = [Item(work=work, headers=5) for work in ('publish', 'consume')]
    return entries(chosen([*CLOSE]), items, None)


def _threads() -> list[Entry]:
    items = [Item(work='publish', threads=threads) for threads in (8, 64)]
    return entries(chosen(['threads', 'amqpstorm']), items, None)


def _scale() -> list[Entry]:
    items = [Item(work='consume', consumers=consumers) for consumers in (30, 1000)]
    return entries(chosen(['threads', 'librabbitmq', 'pika_select']), items, None)


def _latency() -> list[Entry]:
    items = [Item(work=work) for work in ('ping-pong', 'ping-pong-busy')]
    return entries(chosen([*CLOSE, 'inline', 'asyncio']), items, None)


def _null() -> list[Entry]:
    items = [Item(work=work, broker='null') for work in WORKS if work in ('publish', 'consume')]
    return entries(chosen([*CLOSE, 'inline']), items, None)
