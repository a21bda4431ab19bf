"""The checker of histories finds what is wrong with a wrong one."""

from __future__ import annotations

import pytest

from tests.support.history import (
    Call,
    Event,
    Fault,
    History,
    Identity,
    What,
    complaints,
    longest_gap,
)

FAULT = Fault('killed', 10, 20)


def history_of(*lines: str, faults: tuple[Fault, ...] = ()) -> History:
    """Return a history from lines such as '3 published q/0/1', whose time is 3."""
    history = History()
    for line in lines:
        when, what, message = line.split()
        history.events.append(Event(float(when), What(what), Identity.parse(message)))
    history.faults.extend(faults)
    return history


def life_of(number: int, start: float = 0) -> list[str]:
    """Return the lines of a message with which nothing is wrong, a second apart."""
    whats = (What.PUBLISH, What.CONFIRM, What.DELIVER, What.ACK)
    return [f'{start + step} {what.value} q/0/{number}' for step, what in enumerate(whats)]


def test_a_history_in_which_all_is_well() -> None:
    history = history_of(*life_of(0), *life_of(1, 4))

    assert complaints(history, ordered={'q'}) == []


@pytest.mark.parametrize(
    ('lines', 'complaint'),
    [
        (['0 published q/0/0', '1 confirmed q/0/0'], 'confirmed, but lost'),
        (['0 published q/0/0', '1 delivered q/0/0'], 'its future has not ended once'),
        ([*life_of(0), '9 failed q/0/0'], 'its future has not ended once'),
        (['0 published q/0/0', '1 failed q/0/0'], 'failed'),
        (['0 delivered q/0/0'], 'delivered, but never published'),
        ([*life_of(0), '4 delivered q/0/0'], 'delivered 2 times, but no fault interrupted it'),
    ],
)
def test_what_is_wrong_with_a_message_is_found(lines: list[str], complaint: str) -> None:
    assert complaints(history_of(*lines)) == [f'q/0/0: {complaint}']


def test_first_deliveries_must_be_in_the_order_of_publishing() -> None:
    swapped = history_of(*life_of(0), *life_of(2, 4), *life_of(1, 8))

    assert complaints(swapped, ordered={'q'}) == ['q/0/1: delivered after q/0/2']
    assert complaints(swapped) == []


def test_a_message_resent_in_a_fault_may_come_twice() -> None:
    lines = [
        '9 published q/0/0', '9 published q/0/1', '11 confirmed q/0/0', '11 confirmed q/0/1',
        '12 delivered q/0/0', '12 delivered q/0/1', '12 delivered q/0/0', '12 delivered q/0/1',
    ]  # fmt: skip

    assert complaints(history_of(*lines, faults=(FAULT,)), ordered={'q'}) == []


@pytest.mark.parametrize(
    'lines',
    [
        [*life_of(0), '30 delivered q/0/0'],
        [*life_of(0, 21), '30 delivered q/0/0'],
        ['0 published q/0/0', '1 confirmed q/0/0', '25 delivered q/0/0', '26 delivered q/0/0'],
    ],
    ids=['done before it', 'published after it', 'waited in the queue'],
)
def test_a_fault_excuses_only_what_it_interrupts(lines: list[str]) -> None:
    assert len(complaints(history_of(*lines, faults=(FAULT,)))) == 1


def test_an_acknowledgement_on_its_way_at_the_fault_may_be_lost() -> None:
    lines = [*life_of(0, 6.5), '15 delivered q/0/0']

    assert complaints(history_of(*lines, faults=(FAULT,))) == []


def test_a_call_may_fail_only_in_a_fault() -> None:
    history = History()
    history.faults.append(FAULT)
    history.calls += [Call(1, 2, None), Call(9, 11, TimeoutError()), Call(21, 22, TimeoutError())]

    assert complaints(history) == ['call of 1.0 s: failed without a fault: TimeoutError()']


def test_longest_gap_in_a_fault() -> None:
    whens = (5, 11, 12, 17, 18, 40)
    history = history_of(*(f'{when} confirmed q/0/{when}' for when in whens))

    assert longest_gap(history, What.CONFIRM, 'q', FAULT) == (12, 17)
    assert longest_gap(history, What.DELIVER, 'q', FAULT) == (0, 0)
