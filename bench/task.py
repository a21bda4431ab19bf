"""What is measured, and what one run of it is told to do."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

# Each work, as people read it.
WORKS: Final = {
    'publish': 'publish',
    'confirm': 'publish, confirms pipelined',
    'confirm-each': 'publish, one confirm at a time',
    'consume': 'consume, no_ack',
    'consume-ack': 'consume, ack each',
    'ping-pong': 'round trip through two queues',
    'ping-pong-busy': 'round trip through two queues, beside a busy thread',
}
PREFETCH: Final = 500
# How many messages may be unconfirmed at a time when confirms are pipelined.
WINDOW: Final = 1000


class Address(NamedTuple):
    """The parts of a URL, for clients that want them apart. The virtual host is `/`."""

    host: str
    port: int
    user: str
    password: str


def size_in_words(size: int) -> str:
    """Name a size as people do."""
    for unit, bytes_ in (('MiB', 1 << 20), ('KiB', 1 << 10)):
        if size and not size % bytes_:
            return f'{size // bytes_} {unit}'
    return f'{size} B'


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing that is measured: the work, and what the messages and the program are like."""

    work: str
    size: int = 100
    headers: int = 0
    threads: int = 1
    consumers: int = 1
    broker: str = 'rabbitmq'

    def __str__(self) -> str:
        """Name it on one line, leaving out what is as usual."""
        notes = [
            (WORKS[self.work], True),
            (size_in_words(self.size), self.size != Item.size),
            (f'{self.headers} headers', self.headers),
            (f'{self.threads} threads', self.threads > 1),
            (f'{self.consumers:,} consumers', self.consumers > 1),
            ('null broker', self.broker == 'null'),
        ]
        return ', '.join(note for note, unusual in notes if unusual)

    @property
    def publishes(self) -> bool:
        """Whether the messages end up in the queue, rather than being taken out of it."""
        return self.work in ('publish', 'confirm', 'confirm-each')

    @property
    def echoed(self) -> bool:
        """Whether each message goes to a partner and comes back."""
        return self.work.startswith('ping-pong')

    @property
    def busy(self) -> bool:
        """Whether a thread that has nothing to do with it competes, and spends CPU of its own."""
        return self.work.endswith('-busy')

    @property
    def undisturbed_work(self) -> str:
        """The work by itself, which is what an adapter knows."""
        return self.work.removesuffix('-busy')

    @property
    def one_by_one(self) -> bool:
        """Whether each message waits for the one before, so that latencies are what counts."""
        return self.echoed or self.work == 'confirm-each'

    @property
    def starts_first(self) -> bool:
        """Whether the queue is to be filled only after all consumers are there."""
        return self.consumers > 1


@dataclass(frozen=True, kw_only=True)
class Task(Item):
    """One run: the item, how many messages, and where.

    The queue exists. It is empty for publishing, and has the messages for consuming. What is
    published to `ping_queue` comes back in `queue`.
    """

    messages: int
    url: str
    queue: str

    @property
    def body(self) -> bytes:
        """The body of every message."""
        return b'x' * self.size

    @property
    def table(self) -> dict[str, Any]:
        """The headers of every message: strings and numbers in turn."""
        return {
            f'header-{index}': index * 1000 if index % 2 else f'value {index}'
            for index in range(self.headers)
        }

    @property
    def ping_queue(self) -> str:
        """Where the partner of a round trip listens."""
        return f'{self.queue}.ping'

    @property
    def address(self) -> Address:
        """The parts of the URL."""
        parts = urlsplit(self.url)
        host, port = str(parts.hostname), parts.port or 5672
        return Address(host, port, str(parts.username), str(parts.password))

    def to_json(self) -> str:
        """Write it for a child's command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read it from the command line."""
        return cls(**json.loads(text))
