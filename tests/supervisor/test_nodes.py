"""The choice of a node: in turn, one round without a pause, and slower for a refusal."""

from __future__ import annotations

import pytest

from coolamqp.exceptions import AMQPError, TLSRefused
from coolamqp.framing.definitions import ConnectionClose
from coolamqp.objects import NodeDefinition
from coolamqp.supervisor.nodes import REFUSED_SECONDS_MIN, STABLE_SECONDS, NodeChoice

NODES = [NodeDefinition(name, 'guest', 'secret') for name in ('one', 'two', 'three')]
AWAY = OSError('away')


def refusal(code: int) -> Exception:
    return AMQPError(ConnectionClose(code, 'no', 0, 0))


def choice(count: int = 3) -> NodeChoice:
    return NodeChoice(NODES[:count], lambda: 1.0)


def test_the_nodes_of_a_round_are_tried_one_after_the_other_at_once() -> None:
    nodes, tried, delays = choice(), [], []
    for _ in range(4):
        tried.append(nodes.current.host)
        delays.append(nodes.on_failed(AWAY, 0.0))
    assert tried == ['one', 'two', 'three', 'one']
    assert delays == [0.0, 0.0, pytest.approx(0.1), 0.0]
    assert nodes.failures == [(node, AWAY) for node in NODES]


def test_a_connection_that_is_lost_before_it_is_restored_is_a_failure() -> None:
    nodes = choice()
    nodes.on_lost(AWAY, 0.0)
    assert nodes.failures == [(NODES[0], AWAY)]


def test_a_connection_that_is_restored_forgets_failures_and_begins_a_round() -> None:
    nodes = choice()
    nodes.on_failed(AWAY, 0.0)
    nodes.on_restored(1.0)
    assert nodes.failures == []
    assert nodes.current is NODES[1]
    assert nodes.on_lost(AWAY, 2.0) > 0
    assert nodes.current is NODES[2]
    assert [nodes.on_failed(AWAY, 3.0) > 0 for _ in NODES] == [False, False, True]


def test_delays_grow_with_the_outage_and_begin_anew_after_a_connection_that_lasted() -> None:
    nodes = choice(1)
    delays = [nodes.on_failed(AWAY, float(now)) for now in range(0, 400, 50)]
    assert delays == sorted(delays)
    assert delays[-1] == 30.0
    nodes.on_restored(400.0)  # It may be a broker that throws us out each time.
    assert nodes.on_lost(AWAY, 400.0 + STABLE_SECONDS - 0.1) == 30.0
    nodes.on_restored(500.0)
    assert nodes.on_lost(AWAY, 500.0 + STABLE_SECONDS) == pytest.approx(0.1)


@pytest.mark.parametrize(
    'cause', [refusal(403), refusal(530), TLSRefused('it has expired')], ids=repr
)
def test_a_refusal_is_tried_again_later_since_waiting_does_not_mend_it(cause: Exception) -> None:
    nodes = choice(1)
    assert nodes.on_failed(cause, 0.0) >= REFUSED_SECONDS_MIN
    assert nodes.all_refused


@pytest.mark.parametrize('cause', [AWAY, refusal(320)], ids=repr)
def test_not_all_nodes_have_refused_while_one_is_merely_away(cause: Exception) -> None:
    nodes = choice(2)
    nodes.on_failed(cause, 0.0)
    nodes.on_failed(refusal(403), 0.0)
    assert not nodes.all_refused


def test_that_all_nodes_have_refused_is_found_at_the_end_of_the_first_round_only() -> None:
    nodes, found = choice(2), []
    for _ in range(4):
        nodes.on_failed(refusal(403), 0.0)
        found.append(nodes.all_refused)
    assert found == [False, True, False, False]


def test_a_failed_try_counts_against_its_address_as_against_its_node() -> None:
    nodes, addresses = choice(1), [(2, 1, 6, '', (host, 5672)) for host in ('one', 'other')]
    for expected in (*addresses, addresses[1]):
        nodes.addresses.begin(list(addresses), 0.0)
        assert nodes.addresses.take(0.0) == expected
        nodes.addresses.on_reached(expected)
        if expected is addresses[0]:
            nodes.on_failed(AWAY, 0.0)
        else:
            nodes.on_restored(0.0)
            nodes.on_lost(AWAY, 1.0)


def test_each_node_has_addresses_of_its_own() -> None:
    nodes, seen = choice(), []
    for _ in range(4):
        seen.append(nodes.addresses)
        nodes.on_failed(AWAY, 0.0)
    assert len(set(map(id, seen))) == 3
    assert seen[0] is seen[3]
