"""A link: what is sent over a transport until it is over, also when the engine wants it no more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from coolamqp.framing.definitions import BasicPublish, ConnectionClose, ConnectionCloseOk
from coolamqp.framing.hot import Buffer
from coolamqp.supervisor.addresses import AddressChoice
from coolamqp.supervisor.link import LAST_BYTES_SECONDS_MAX, Link
from coolamqp.tracing import HoldingFrameTracer
from tests.support.rig import Rig
from tests.support.scripted_broker import NODE, ScriptedBroker
from tests.support.socket_broker import methods_sent
from tests.uplink.rig import Peers

PIECE = 1_000_000


def up(tracer: HoldingFrameTracer | None = None) -> tuple[Rig, ScriptedBroker, Link]:
    rig = Rig(tracer=tracer)
    broker = rig.up()
    return rig, broker, rig.link()


def dropped(tracer: HoldingFrameTracer | None = None) -> tuple[Rig, ScriptedBroker, Link]:
    """Return a link that the engine has dropped, with a large message on its way."""
    rig, broker, link = up(tracer)
    rig.publish(bytes(5 * PIECE))
    link.sent(len(first(link.data_to_send())), rig.clock.now)
    broker.send(0, ConnectionClose(320, 'CONNECTION_FORCED', 0, 0))
    assert rig.engine.link is None
    return rig, broker, link


def first(pieces: list[Buffer], size: int = 100) -> bytes:
    """Return the first bytes, as a socket takes them that is nearly full."""
    return b''.join(pieces)[:size]


def test_the_answer_to_a_close_is_sent_and_traced_after_everything_that_was_on_its_way() -> None:
    tracer = HoldingFrameTracer()
    rig, _, link = dropped(tracer)
    sent = bytearray()
    while pieces := link.data_to_send():
        piece = first(pieces, PIECE)
        sent += piece
        assert not link.is_over(rig.clock.now)
        link.sent(len(piece), rig.clock.now)

    assert len(sent) > 5 * PIECE
    assert methods_sent(tracer)[-2:] == [BasicPublish(b'', b'key'), ConnectionCloseOk()]
    assert link.is_over(rig.clock.now)


def test_what_is_left_is_given_up_in_time() -> None:
    rig, _, link = dropped()
    assert link.over_at == rig.clock.now + LAST_BYTES_SECONDS_MAX
    assert not link.is_over(link.over_at - 0.001)
    assert link.is_over(link.over_at)


def test_a_link_that_is_wanted_is_never_over() -> None:
    rig, broker, link = up()
    broker.serve()
    assert not link.unsent
    assert not link.is_over(rig.clock.now + 1000)


def test_a_link_is_given_what_may_be_sent_until_it_is_dropped() -> None:
    flushes: list[object] = []
    link = Link(NODE, AddressChoice(), 0.0, 5.0, lambda: flushes.append(True))
    link.connection = Peers().connection
    assert link.data_to_send()
    link.end(1.0)
    assert link.data_to_send()  # the rest
    assert len(flushes) == 1


def test_a_link_without_a_transport_has_nothing_to_send() -> None:
    flushed: list[object] = []
    link = Link(NODE, AddressChoice(), 0.0, 5.0, lambda: flushed.append(True))
    link.sent(0, 1.0)
    assert link.data_to_send() == []
    assert link.unsent == 0
    assert not link.traced
    assert flushed == []
    link.end(1.0)
    assert link.is_over(1.0)


@pytest.mark.parametrize('make', [HoldingFrameTracer, lambda: None])
def test_a_link_is_traced_if_there_is_a_tracer(
    make: Callable[[], HoldingFrameTracer | None],
) -> None:
    tracer = make()
    _, _, link = up(tracer)
    assert link.traced == (tracer is not None)


def test_an_address_that_has_answered_has_its_share_of_the_time_for_tls() -> None:
    addresses, found = AddressChoice(), [(2, 1, 6, '', (host, 5672)) for host in ('one', 'other')]
    addresses.begin(list(found), 0.0)
    link = Link(NODE, addresses, 0.0, 10.0, lambda: None)
    assert link.wake_at() == 10.0
    link.reached(found[0], 2.0)
    assert link.wake_at() == 6.0  # half of what was left
    link.waiting_for = 'end of the TLS handshake'
    assert str(link.too_late()) == 'no connection within 6 s: no end of the TLS handshake'
