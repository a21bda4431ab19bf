"""The tables of states: every method of a broker, in every state."""

from __future__ import annotations

import pytest

from coolamqp.exceptions import WireError
from coolamqp.framing.definitions import (
    METHODS,
    ChannelClose,
    ChannelCloseOk,
    ChannelFlow,
    ChannelOpenOk,
    ConnectionBlocked,
    ConnectionClose,
    ConnectionSecure,
    QueueDeclareOk,
)
from coolamqp.framing.method import Method
from coolamqp.uplink.states import (
    CHANNEL_TRANSITIONS,
    CONNECTION_TRANSITIONS,
    ChannelState,
    ConnectionState,
)
from tests.support.scripted_broker import start
from tests.uplink.rig import TUNE, link_in, link_with

S = ConnectionState
CLOSE = ChannelClose(404, 'NOT_FOUND', 50, 10)
ARGUMENTS: dict[str, Method] = {
    'connection.start': start(),
    'connection.tune': TUNE,
    'connection.close': ConnectionClose(320, 'CONNECTION_FORCED', 0, 0),
    'connection.blocked': ConnectionBlocked('memory'),
}
CONNECTION_METHODS = [
    ARGUMENTS.get(declared.NAME) or declared() for declared in METHODS.values()
    if declared.INDEX[0] == 10
]  # fmt: skip


@pytest.mark.parametrize('method', CONNECTION_METHODS, ids=lambda m: m.NAME)
@pytest.mark.parametrize('state', list(S))
def test_every_method_in_every_state_of_a_connection(
    state: ConnectionState, method: Method
) -> None:
    link = link_in(state)
    link.broker.send(0, method)
    following = CONNECTION_TRANSITIONS.get((state, method.NAME))
    if isinstance(method, ConnectionSecure) and following:
        assert link.observer.cause.reply_code == 540  # legal, and beyond us
    elif following is not None:
        assert link.state() is following
    elif state in (S.CLOSING, S.CLOSED):
        assert link.state() is state
        assert link.broker.hear() == []
    elif state is S.OPEN:
        assert link.state() is state
        assert link.observer.heard[1:] == [('ignored', f'{method.NAME} on an open connection')]
    else:
        assert link.state() is S.CLOSED
        assert isinstance(link.observer.cause, WireError)
        close = link.broker.expect(ConnectionClose)
        assert close.reply_code == 503
        assert method.NAME.encode() in close.reply_text


@pytest.mark.parametrize(
    'method',
    [ChannelOpenOk(), ChannelFlow(True), CLOSE, ChannelCloseOk(), QueueDeclareOk(b'q', 0, 0)],
    ids=lambda m: m.NAME,
)
@pytest.mark.parametrize('state', list(ChannelState))
def test_every_method_in_every_state_of_a_channel(state: ChannelState, method: Method) -> None:
    link, channel, handler = link_with(state)
    link.broker.send(1, method)
    following = CHANNEL_TRANSITIONS.get((state, method.NAME))
    if following is not None:
        assert channel.state is following
    elif state is ChannelState.CLOSING:
        assert channel.state is state
        assert (handler.heard, link.broker.hear()) == ([], [])
    elif state is ChannelState.OPEN:
        assert channel.state is state  # a method of the channel's work; see below
    else:
        assert link.broker.hear() == []
        ignored = 'a method on channel 1, which is not open'
        if state is ChannelState.CLOSED:
            assert link.observer.heard[1:] == [('ignored', ignored)]
        else:
            assert handler.heard == [method]
