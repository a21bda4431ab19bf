"""Values that random clients send: names from small pools, so that clients meet; and nonsense."""

from __future__ import annotations

import random
import struct
from math import inf, nan
from typing import Any

from coolamqp.framing.definitions import METHODS
from coolamqp.framing.method import BIT, LONG_STRING, SHORT_STRING, TABLE, Method, layout
from coolamqp.framing.properties import PROPERTY_NAMES, BasicContentPropertyList

CHANNELS = (1, 2, 3)
QUEUES = ('a', 'b', 'c', 'd', 's', 't')
STREAM, QUORUM = 's', 't'
EXCHANGES = {'x': 'topic', 'y': 'direct', 'z': 'fanout', 'h': 'headers'}
SOURCES = (*EXCHANGES, 'amq.direct', 'amq.topic', 'amq.headers', 'amq.fanout')
KEYS = ('', 'a', 'b', 'a.b', 'a.*', '#', '#.#.#.a.#', '*.#', 'k' * 255)
TAGS = ('', 't1', 't2', 't3')
RARE = 0.02  # of nonsense in the place of a value

Values = dict[Any, tuple[Any, ...]]

QUEUE_ARGUMENTS: Values = {
    'x-message-ttl': (0, 10, 1000, 60_000),
    'x-expires': (10, 1000, 60_000),
    'x-max-length': (0, 1, 3, 10),
    'x-max-length-bytes': (0, 100, 5000),
    'x-overflow': ('drop-head', 'reject-publish', 'reject-publish-dlx'),
    'x-dead-letter-exchange': ('', '', 'x', 'y', 'z', 'missing', 'amq.fanout'),
    'x-max-priority': (1, 5, 255),
    'x-single-active-consumer': (True, False),
}
QUORUM_ARGUMENTS: Values = {
    'x-message-ttl': (0, 10, 1000),
    'x-max-length': (0, 1, 3, 10),
    'x-dead-letter-exchange': ('', 'x', 'y', 'z'),
    'x-delivery-limit': (0, 1, 5),
}
STREAM_ARGUMENTS: Values = {
    'x-max-length-bytes': (0, 100, 5000),
    'x-max-age': ('1s', '1Y', '9' * 50 + 'Y', '9' * 5000 + 'Y'),
}
EXCHANGE_ARGUMENTS: Values = {'alternate-exchange': (*SOURCES, '', 'missing')}
BINDING_ARGUMENTS: Values = {
    'x-match': ('any', 'all', 'any-with-x', 'all-with-x', 'any', 'all', 'some', 5),
    'h': (1, 'text', None),
    'i': (1, [1, {'a': 2}], 1.5),
}
CONSUMER_ARGUMENTS: Values = {
    'x-priority': (0, 1, -5, 2**40, 'high'),
    'x-stream-offset': ('first', 'last', 'next', 0, 2**62, -1, '5s', 'odd', '9' * 5000 + 'Y'),
    'x-stream-filter': ('f', ['f', 'g'], 5),
    'x-stream-match-unfiltered': (True, False, 5),
}
HEADERS: Values = {
    'CC': (['a', 'b'], ['c'], [], ['c', 5], 'a'),
    'BCC': (['d'], ['d', 'a'], [b'\xff']),
    'h': (1, 'text', None, [1]),
    'i': (1, [1, {'a': 2}], 1.5, [{'a': 1.5}]),
    'x-stream-filter-value': ('f', 'g', 5),
    'x-stream-offset': (5, 'x'),
    'x-delivery-count': (1, 'many'),
    'x-death': (
        [],
        'text',
        [5],
        [{}],
        [{'queue': 'a', 'reason': 'expired', 'count': 1}],
        [{'queue': 'a', 'reason': 'rejected', 'count': 'many'}],
        [{'queue': 'b', 'reason': 'maxlen', 'count': 2**63 - 1}],
        [{'queue': 'a', 'reason': 'expired', 'count': (127, 'b')}],
        [{'queue': 'c', 'reason': 'expired'}],
        [{'queue': 5, 'reason': None}],
    ),
    'x-first-death-queue': ('a', 5),
    'x-last-death-reason': ([1],),
    b'\xff': (1,),
}
PROPERTIES: Values = {
    'delivery_mode': (1, 2),
    'priority': (0, 1, 5, 255),
    'timestamp': (0, 2**64 - 1),
    'expiration': ('0', '10', '1000', '007', '+5', '60000', '60000', '60000', 'x', '9' * 255),
    'user_id': ('guest',) * 20 + ('other',),
    'reply_to': ('amq.rabbitmq.reply-to', 'a', 'b', b'\xff'),
}


FLOAT = struct.pack('>d', 1.5)
NOT_FINITE = struct.pack('>d', nan), struct.pack('>d', inf)


class HostileValues:
    """Draws values."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice

    def chance(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return self.dice.random() < probability

    def name(self, pool: tuple[str, ...]) -> Any:
        """Return a name of a pool, or nonsense."""
        if self.chance(RARE):
            return self.dice.choice((b'\xff', 'missing', 'amq.mine', 'n' * 255, ''))
        return self.dice.choice(pool)

    def arguments(self, values: Values, share: float) -> dict[str, Any]:
        """Return arguments of a declaration, each with a probability."""
        chosen = [name for name in values if self.chance(share)]
        found = {name: self.dice.choice(values[name]) for name in chosen}
        if self.chance(RARE):
            found[self.dice.choice(('x-any', 'x-match', *values))] = self.anything()
        return found

    def anything(self, depth: int = 0) -> Any:
        """Return a value for a table."""
        if depth < 60 and self.chance(0.3):
            return [self.anything(depth + 1) for _ in range(self.dice.randrange(3))]
        return self.dice.choice(
            (None, True, 5, -(2**63), 1.5, b'\xff', '', {'a': 1}, [], (2**64 - 1, 'L'), (1, 'T'))
        )

    def properties(self) -> bytes:
        """Return encoded properties, which may be malformed."""
        if self.chance(RARE / 4):
            return self.dice.randbytes(self.dice.randrange(2, 30))
        given: dict[str, Any] = {}
        for name in PROPERTY_NAMES:
            if name == 'headers' and self.chance(0.3):
                given[name] = {
                    header: self.dice.choice(values)
                    for header, values in HEADERS.items()
                    if self.chance(0.1)
                }
            elif name != 'headers' and self.chance(0.1):
                given[name] = self.dice.choice(PROPERTIES.get(name, ('text', b'\xff\xfe', '')))
        return BasicContentPropertyList(**given).encoded

    def spoiled(self, data: bytes) -> bytes:
        """Return encoded bytes, perhaps with floats that are not finite."""
        return data.replace(FLOAT, self.dice.choice(NOT_FINITE)) if self.chance(RARE) else data

    def any_method(self) -> Method:
        """Return any method at all, with values that fit its fields."""
        cls = self.dice.choice(list(METHODS.values()))
        return cls(*(self._field(kind) for _, kind in layout(cls)))

    def _field(self, kind: str) -> Any:
        if kind == BIT:
            return self.chance(0.5)
        if kind in (SHORT_STRING, LONG_STRING):
            return self.dice.choice((*QUEUES, *TAGS, *SOURCES))
        if kind == TABLE:
            return {'x-any': self.anything()}
        return self.dice.choice((0, 1, 2, 200))
