"""The items that the bench measures, and the task of one run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

# The titles of the works.
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
# The largest number of unconfirmed messages with pipelined confirms.
WINDOW: Final = 1000


class Address(NamedTuple):
    """The parts of a URL, for clients without URLs. The virtual host is `/`."""

    host: str
    port: int
    user: str
    password: str


def size_in_words(size: int) -> str:
    """Return a size with its unit, such as '16 KiB'."""
    for unit, bytes_ in (('MiB', 1 << 20), ('KiB', 1 << 10)):
        if size and not size % bytes_:
            return f'{size // bytes_} {unit}'
    return f'{size} B'


@dataclass(frozen=True, kw_only=True)
class Item:
    """An item of the bench: a work, with the kind of messages, program and broker."""

    work: str
    size: int = 100
    headers: int = 0
    threads: int = 1
    consumers: int = 1
    broker: str = 'rabbitmq'

    def __str__(self) -> str:
        """Return a title without the default values."""
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
        """Whether the messages are in the queue at the end of the run."""
        return self.work in ('publish', 'confirm', 'confirm-each')

    @property
    def echoed(self) -> bool:
        """Whether a partner sends each message back."""
        return self.work.startswith('ping-pong')

    @property
    def busy(self) -> bool:
        """Whether an unrelated thread of the process uses CPU time."""
        return self.work.endswith('-busy')

    @property
    def undisturbed_work(self) -> str:
        """The name of the work for adapters."""
        return self.work.removesuffix('-busy')

    @property
    def one_by_one(self) -> bool:
        """Whether each message waits for the one before. The tables then compare latencies."""
        return self.echoed or self.work == 'confirm-each'

    @property
    def starts_first(self) -> bool:
        """Whether the runner fills the queue after the start of all consumers."""
        return self.consumers > 1


@dataclass(frozen=True, kw_only=True)
class Task(Item):
    """The task of one run.

    The queue exists. It is empty for publishing, and has the messages for consuming. The partner
    sends the messages of `ping_queue` back to `queue`.
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
        """The headers of every message: alternately strings and numbers."""
        return {
            f'header-{index}': index * 1000 if index % 2 else f'value {index}'
            for index in range(self.headers)
        }

    @property
    def ping_queue(self) -> str:
        """The queue of the partner of a round trip."""
        return f'{self.queue}.ping'

    @property
    def address(self) -> Address:
        """The parts of the URL."""
        parts = urlsplit(self.url)
        host, port = str(parts.hostname), parts.port or 5672
        return Address(host, port, str(parts.username), str(parts.password))

    def to_json(self) -> str:
        """Return the task as JSON, for a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the task from JSON."""
        return cls(**json.loads(text))
