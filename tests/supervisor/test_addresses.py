"""The choice of an address: head starts, both families, and what earlier tries have shown."""

from __future__ import annotations

import socket
from math import inf

from coolamqp.supervisor.addresses import (
    HEAD_START_SECONDS,
    HEAD_START_SECONDS_MAX,
    Address,
    AddressChoice,
)

NOW = 1000.0


def address(name: str) -> Address:
    """Return an address of IPv6 if the name has a colon, otherwise of IPv4."""
    family = socket.AF_INET6 if ':' in name else socket.AF_INET
    return (family, socket.SOCK_STREAM, 6, '', (name, 5672))


ONE, TWO, THREE = map(address, ('1.1.1.1', '2.2.2.2', '3.3.3.3'))


def begun(choice: AddressChoice, *addresses: Address) -> AddressChoice:
    choice.begin(list(addresses), NOW)
    return choice


def order(choice: AddressChoice, *addresses: Address) -> list[Address]:
    """Return the order in which the addresses of a try are taken."""
    begun(choice, *addresses)
    return [taken for _ in addresses if (taken := choice.take(NOW)) is not None]


def fail_at(choice: AddressChoice, reached: Address, *addresses: Address) -> None:
    """Make a try that fails after an address has answered."""
    order(choice, *addresses)
    choice.on_reached(reached)
    choice.on_failed()


def test_each_address_has_a_head_start_and_the_last_one_is_followed_by_none() -> None:
    choice = begun(AddressChoice(), ONE, TWO)
    assert choice.due_at == NOW
    assert choice.take(NOW) == ONE
    assert choice.due_at == NOW + HEAD_START_SECONDS
    assert choice.take(NOW + 0.1) == TWO  # sooner, since the first one has refused
    assert choice.due_at == inf
    assert choice.take(NOW + 0.2) is None


def test_nothing_is_due_before_a_try_and_once_an_address_has_answered() -> None:
    choice = AddressChoice()
    assert choice.due_at == inf
    begun(choice, ONE, TWO)
    choice.take(NOW)
    choice.on_reached(ONE)
    assert choice.due_at == inf
    assert choice.take(NOW) is None


def test_a_try_that_is_given_up_leaves_nothing_due_for_the_next() -> None:
    choice = begun(AddressChoice(), ONE, TWO)
    choice.take(NOW)
    choice.on_failed()
    assert choice.due_at == inf
    assert order(choice, ONE, TWO) == [ONE, TWO]


def test_the_families_alternate_and_an_address_counts_once() -> None:
    first, second = address('::1'), address('::2')
    assert order(AddressChoice(), first, second, first, ONE, TWO, THREE) == [
        first, ONE, second, TWO, THREE,
    ]  # fmt: skip


def test_after_a_failed_handshake_the_next_address_is_first() -> None:
    choice, everything = AddressChoice(), (ONE, TWO, THREE)
    for failed in everything:
        assert order(choice, *everything)[0] == failed
        choice.on_reached(failed)
        choice.on_failed()
    assert order(choice, *everything)[0] == ONE


def test_the_address_of_the_last_connection_is_first() -> None:
    choice = AddressChoice()
    fail_at(choice, ONE, ONE, TWO)
    order(choice, ONE, TWO)
    choice.on_reached(TWO)
    choice.on_restored()
    assert order(choice, ONE, TWO) == [TWO, ONE]
    assert order(choice, ONE, THREE) == [ONE, THREE]  # The name has other addresses now.


def test_head_starts_grow_with_failed_handshakes_up_to_a_bound() -> None:
    choice, seen = AddressChoice(), []
    for _ in range(5):
        begun(choice, ONE, TWO).take(NOW)
        seen.append(choice.due_at - NOW)
        choice.on_reached(ONE)
        choice.on_failed()
    assert seen == [0.25, 0.5, 1.0, 2.0, HEAD_START_SECONDS_MAX]
    choice.on_restored()
    begun(choice, ONE, TWO).take(NOW)
    assert choice.due_at == NOW + HEAD_START_SECONDS


def test_a_silent_address_leaves_time_for_the_others() -> None:
    choice = AddressChoice()
    assert choice.share(10.0) == 10.0
    shares = []
    for _ in range(3):
        begun(choice, ONE, TWO)
        shares.append(choice.share(10.0))
        choice.on_reached(ONE)
        choice.on_failed()
    assert shares == [5.0, 10.0, 10.0]
