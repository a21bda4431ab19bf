"""Draws the states of connection, channel, attach and engine from the tables in the code.

    python -m tools.draw_states

Writes docs/explanation/states.md: for each table a Mermaid diagram and the same as a table.
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
# States

<!-- Made by `make docs` from the tables in the code; see tools/draw_states.py. Do not edit. -->

Four tables in the code say what may happen in which state, and what follows. The code looks it up
there, and this page is drawn from them.
"""


@dataclass(frozen=True)
class Machine:
    """Something that has states.

    :ivar where: the module with the table
    :ivar transitions: by name of state and event, the state that follows
    :ivar start: the state in which it begins
    """

    title: str
    where: str
    story: str
    transitions: Mapping[tuple[str, str], str]
    start: str

    @property
    def final(self) -> list[str]:
        """The states that nothing leads out of."""
        left = {state for (state, _), following in self.transitions.items() if following != state}
        return sorted(set(self.transitions.values()) - left)


def machines() -> list[Machine]:
    """Give all that have a table."""
    return [
        Machine(
            'The engine of a Cluster',
            'supervisor/states.py',
            'From `start` to `shutdown`. `up` is what `Cluster.connected` tells. '
            'See [what happens at a reconnect](reconnect.md).',
            by_value(supervisor_states.TRANSITIONS),
            supervisor_states.EngineState.IDLE.value,
        ),
        Machine(
            'An attach: publisher, consumer, declarer',
            'attaches/channeler.py',
            'Each has a channel of its own. While *syncing* it opens the channel and says what it '
            'needs; while *online* it works.',
            by_name(channeler.TRANSITIONS, channeler.STATE_NAMES),
            channeler.STATE_NAMES[channeler.ST_OFFLINE],
        ),
        Machine(
            'A connection',
            'uplink/states.py',
            'The methods of the broker, and what follows from them (AMQP 0-9-1, section 2.2.4). '
            'What the broker may not send in a state ends the connection with reply code 503; '
            'once we are closing it is ignored. '
            'We ourselves begin *closing*, by `connection.close`, from *open*; and a transport '
            'that is lost ends it from everywhere.',
            by_value(uplink_states.CONNECTION_TRANSITIONS),
            uplink_states.ConnectionState.AWAITING_START.value,
        ),
        Machine(
            'A channel',
            'uplink/states.py',
            'Likewise (section 2.2.5). We ourselves begin *closing*, by `channel.close`, from '
            '*opening* or *open*.',
            by_value(uplink_states.CHANNEL_TRANSITIONS),
            uplink_states.ChannelState.OPENING.value,
        ),
    ]


def by_value(table: Mapping[tuple[Any, str], Any]) -> dict[tuple[str, str], str]:
    """Name the states of a table by the values of their enumeration."""
    return {(state.value, event): after.value for (state, event), after in table.items()}


def by_name(
    table: Mapping[tuple[int, str], int], names: Mapping[int, str]
) -> dict[tuple[str, str], str]:
    """Name the states of a table that are numbers."""
    return {(names[state], event): names[after] for (state, event), after in table.items()}


def page() -> str:
    """Write the whole page."""
    return '\n'.join([INTRODUCTION, *(section(machine) for machine in machines())])


def section(machine: Machine) -> str:
    """Write what there is to tell of one of them."""
    rows = [
        f'| {state} | `{event}` | {after} |'
        for (state, event), after in machine.transitions.items()
    ]
    return '\n'.join(
        [
            f'## {machine.title}\n',
            f'{machine.story} The table is in `{machine.where}`.\n',
            '```mermaid',
            *diagram(machine),
            '```\n',
            '| in state | at | goes to |',
            '|---|---|---|',
            *rows,
            '',
        ]
    )


def diagram(machine: Machine) -> list[str]:
    """Write a Mermaid state diagram; events that lead the same way share an arrow."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, event), after in machine.transitions.items():
        arrows.setdefault((state, after), []).append(event.rpartition('.')[2])
    states = dict.fromkeys(state for arrow in arrows for state in arrow)
    return [
        'stateDiagram-v2',
        *(f'    state "{state}" as {alias(state)}' for state in states),
        f'    [*] --> {alias(machine.start)}',
        *(
            f'    {alias(state)} --> {alias(after)} : {", ".join(events)}'
            for (state, after), events in arrows.items()
        ),
        *(f'    {alias(state)} --> [*]' for state in machine.final),
    ]


def alias(state: str) -> str:
    """Make a name without spaces, as Mermaid wants it."""
    return state.replace(' ', '_').replace('-', '_')


if __name__ == '__main__':
    PAGE.write_text(page(), 'utf-8')
