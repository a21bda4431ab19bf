"""Write the page about the states of connection, channel, attach and engine, from the code.

    python -m tools.write_states

Writes docs/explanation/states.md, with a table for each. `tools/draw_states.py` draws the pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coolamqp.attaches import channeler
from coolamqp.supervisor import states as supervisor_states
from coolamqp.uplink import states as uplink_states

PAGE = Path(__file__).parent.parent / 'docs' / 'explanation' / 'states.md'

INTRODUCTION = """\
# States of a Cluster, a connection, a channel

<!-- Made by `make docs` from the tables in the code; see tools/write_states.py. Do not edit. -->

This page shows all states of a Cluster, its consumers, its connection and its channels, and the
events that change them. It helps you to read the log, and to change CoolAMQP. Four tables in the
code have these states and events. The code uses the tables, and `make docs` makes the pictures and
this page from them.
"""


@dataclass(frozen=True)
class Machine:
    """A state machine.

    :ivar name: the name of its picture
    :ivar where: the module with the table
    :ivar story: a description
    :ivar transitions: (name of the state, event) -> name of the next state
    """

    name: str
    title: str
    where: str
    story: str
    transitions: Mapping[tuple[str, str], str]


def machines() -> list[Machine]:
    """Return all state machines."""
    return [
        Machine(
            'engine',
            'The engine of a Cluster',
            'supervisor/states.py',
            'It starts with `start` and ends with `shutdown`. `Cluster.connected` is True in the '
            'state `up`. See [what happens at a reconnect](reconnect.md).',
            by_value(supervisor_states.TRANSITIONS),
        ),
        Machine(
            'attach',
            'An attach: publisher, consumer, declarer',
            'attaches/channeler.py',
            'Each attach has a channel of its own. In the state *syncing* it opens the channel and '
            'sets itself up on it. In the state *online* it works.',
            by_name(channeler.TRANSITIONS, channeler.STATE_NAMES),
        ),
        Machine(
            'connection',
            'A connection',
            'uplink/states.py',
            'The events are the methods of the broker (AMQP 0-9-1, section 2.2.4). If the broker '
            'sends another method during the handshake, CoolAMQP closes the connection with '
            'reply code 503; later it ignores the method. CoolAMQP goes from '
            '*open* to *closing* (the dashed arrow) when it sends `connection.close`. The loss of '
            'the transport ends the connection in every state.',
            by_value(uplink_states.CONNECTION_TRANSITIONS),
        ),
        Machine(
            'channel',
            'A channel',
            'uplink/states.py',
            'The events are the methods of the broker (section 2.2.5). CoolAMQP goes from '
            '*opening* or *open* to *closing* (the dashed arrow) when it sends `channel.close`.',
            by_value(uplink_states.CHANNEL_TRANSITIONS),
        ),
    ]


def by_value(table: Mapping[tuple[Any, str], Any]) -> dict[tuple[str, str], str]:
    """Return a table with the values of its enumeration as names of the states."""
    return {(state.value, event): after.value for (state, event), after in table.items()}


def by_name(
    table: Mapping[tuple[int, str], int], names: Mapping[int, str]
) -> dict[tuple[str, str], str]:
    """Return a table with names instead of the numbers of its states."""
    return {(names[state], event): names[after] for (state, event), after in table.items()}


def page() -> str:
    """Return the whole page."""
    return '\n'.join([INTRODUCTION, *(section(machine) for machine in machines())])


def section(machine: Machine) -> str:
    """Return the section about one state machine."""
    rows = [
        f'| {state} | `{event}` | {after} |'
        for (state, event), after in machine.transitions.items()
    ]
    return '\n'.join(
        [
            f'## {machine.title}\n',
            f'{machine.story} The table is in `{machine.where}`.\n',
            f'![{machine.title}: states and events](states/{machine.name}.svg)\n',
            '| state | event | next state |',
            '|---|---|---|',
            *rows,
            '',
        ]
    )


if __name__ == '__main__':
    PAGE.write_text(page(), 'utf-8')
