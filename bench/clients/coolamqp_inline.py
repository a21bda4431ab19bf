"""CoolAMQP, threads, with inline callbacks."""

from __future__ import annotations

from functools import partial
from typing import Final

from bench.clients.coolamqp_threads import consume, ping_pong

ABILITIES: Final = frozenset({'consumers'})
UNABLE: Final = dict.fromkeys(
    ('publish', 'confirm', 'confirm-each'), 'publishes like CoolAMQP, threads'
)
WORKS: Final = {
    'consume': partial(consume, inline=True),
    'consume-ack': partial(consume, no_ack=False, inline=True),
    'ping-pong': partial(ping_pong, inline=True),
}
