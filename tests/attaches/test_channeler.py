"""What every attach does: set itself up on a channel, and take itself up again."""

from __future__ import annotations

import pytest

from coolamqp.attaches.channeler import (
    RETRY_SECONDS_MAX,
    RETRY_SECONDS_MIN,
    ST_OFFLINE,
    ST_ONLINE,
    ST_SYNCING,
    Channeler,
    Dialogue,
    check_sendable,
    is_refusal_of,
)
from coolamqp.attaches.effects import Effects
from coolamqp.attaches.events import ConnectionLost
from coolamqp.attaches.suspects import Suspects
from coolamqp.exceptions import AMQPError, CoolAMQPError
from coolamqp.framing.definitions import (
    BasicAck,
    BasicConsumeOk,
    BasicDeliver,
    BasicGetOk,
    BasicQos,
    BasicQosOk,
    BasicReturn,
    ChannelClose,
    ChannelOpenOk,
    ConnectionClose,
    ConnectionTune,
    QueueDeclare,
    QueueDeclareOk,
    QueuePurge,
)
from coolamqp.framing.method import Method
from coolamqp.timers import Timers
from tests.support.rig import Rig
from tests.uplink.rig import Peers


class Attach(Channeler):
    """Declares a queue, and then sets a prefetch count for as many messages as are in it."""

    def __init__(self) -> None:
        super().__init__()
        timers = Timers(0.0)
        self.join(Effects(), timers, Suspects(timers))
        self.heard: list[object] = []
        self.attempts = 0
        self.arguments: dict[str, object] | None = None
        self.on_first_set_up = self._on_attempt

    def _on_attempt(self, attach: Channeler) -> None:
        assert attach is self
        self.attempts += 1

    def set_up(self) -> Dialogue:
        declared = yield QueueDeclare(b'q', arguments=self.arguments)
        yield BasicQos(0, declared.message_count)

    def on_online(self) -> None:
        self.heard.append('online')

    def on_offline(self) -> None:
        self.heard.append('offline')

    def on_unsendable(self, error: Exception) -> None:
        self.heard.append(error)

    def on_no_channel(self, error: CoolAMQPError) -> None:
        self.heard.append('no channel')

    def on_channel_closed(self, error: AMQPError | None) -> None:
        self.go_offline('channel closed')
        self.retry_later()


def attached(tune: ConnectionTune | None = None) -> tuple[Attach, Peers]:
    peers, attach = Peers().open(tune), Attach()
    attach.attach(peers.connection)
    return attach, peers


def set_up(attach: Attach, peers: Peers) -> None:
    peers.broker.serve()
    assert attach.state == ST_ONLINE


def test_setting_up_is_a_dialogue_in_which_answers_lead_to_methods() -> None:
    attach, peers = attached()
    peers.broker.unanswered.update({'queue.declare', 'basic.qos'})
    assert attach.state == ST_SYNCING
    peers.broker.serve()
    peers.broker.send(1, QueueDeclareOk(b'q', 7, 0))
    assert BasicQos(0, 7) in peers.broker.serve()
    assert (attach.state, attach.attempts) == (ST_SYNCING, 0)
    peers.broker.send(1, BasicQosOk())
    assert (attach.state, attach.attempts, attach.heard) == (ST_ONLINE, 1, ['online'])


def test_a_lost_connection_takes_it_offline_until_there_is_another() -> None:
    attach, peers = attached()
    set_up(attach, peers)
    peers.connection.lost(ConnectionResetError('cut'))
    assert (attach.state, attach.heard) == (ST_OFFLINE, ['online', 'offline'])
    peers = Peers().open()
    attach.attach(peers.connection)
    set_up(attach, peers)


def close_channel(attach: Attach, peers: Peers) -> float:
    """Close the channel; return after how many seconds it is opened again."""
    peers.broker.close_channel(1, 541)
    peers.broker.serve()
    assert attach.state == ST_OFFLINE
    delay = attach.timers.wake_at() - attach.timers.now
    attach.timers.advance(attach.timers.wake_at())
    return delay


def test_a_closed_channel_is_opened_again_ever_more_slowly_until_it_is_set_up() -> None:
    attach, peers = attached()
    peers.broker.unanswered.add('queue.declare')
    peers.broker.serve()
    delays = [round(close_channel(attach, peers), 6) for _ in range(9)]
    assert delays[0] == RETRY_SECONDS_MIN
    assert delays == sorted(delays)
    assert delays[-1] == RETRY_SECONDS_MAX
    peers.broker.unanswered.clear()
    set_up(attach, peers)
    assert close_channel(attach, peers) == pytest.approx(RETRY_SECONDS_MIN)


def test_a_retry_that_is_due_after_the_connection_was_lost_opens_nothing() -> None:
    attach, peers = attached()
    set_up(attach, peers)
    peers.broker.close_channel(1, 541)
    peers.broker.serve()
    attach.detach(ConnectionResetError('cut'))
    attach.timers.advance(RETRY_SECONDS_MIN)
    assert peers.broker.serve() == []


def test_a_retry_that_is_due_on_the_next_connection_opens_no_second_channel() -> None:
    attach, peers = attached()
    set_up(attach, peers)
    peers.broker.close_channel(1, 541)
    peers.broker.serve()
    attach.detach(ConnectionResetError('cut'))
    peers = Peers().open()
    attach.attach(peers.connection)
    set_up(attach, peers)
    attach.timers.advance(RETRY_SECONDS_MIN)
    assert peers.broker.serve() == []


def test_where_no_channel_is_left_that_is_said_and_counts_as_an_attempt() -> None:
    peers, attach = Peers().open(ConnectionTune(1, 0, 0)), Attach()
    peers.channel()
    attach.attach(peers.connection)
    assert (attach.state, attach.attempts) == (ST_OFFLINE, 1)
    assert attach.heard == ['offline', 'no channel']


def test_a_method_that_does_not_fit_into_a_frame_closes_the_channel_and_is_not_sent() -> None:
    attach, peers = attached(ConnectionTune(0, 4096, 0))
    attach.arguments = {'x': bytes(5000)}
    said = peers.broker.serve()
    assert [method.NAME for method in said] == ['channel.open', 'channel.close']
    assert isinstance(attach.heard[0], ValueError)


def test_a_method_that_fits_can_be_sent_and_without_a_connection_any_can() -> None:
    peers = Peers().open(ConnectionTune(0, 4096, 0))
    large = QueueDeclare(b'q', arguments={'x': bytes(5000)})
    check_sendable(QueueDeclare(b'q'), peers.connection)
    check_sendable(large, None)
    with pytest.raises(ValueError, match='at most 4096 bytes'):
        check_sendable(large, peers.connection)


@pytest.mark.parametrize(
    ('cause', 'refused'),
    [
        (AMQPError(ConnectionClose(540, 'no', *QueuePurge.INDEX)), True),
        (AMQPError(ChannelClose(404, 'no', *QueuePurge.INDEX)), True),
        (AMQPError(ConnectionClose(540, 'no', *QueueDeclare.INDEX)), False),
        (ConnectionResetError('cut'), False),
        (None, False),
    ],
    ids=repr,
)
def test_a_refusal_names_the_method_that_it_is_about(
    cause: Exception | None, refused: bool
) -> None:
    assert is_refusal_of(cause, QueuePurge(b'q')) is refused
    assert not is_refusal_of(cause, None)


CHANNELS = {'declarer': 1, 'publisher': 2, 'plain publisher': 3, 'consumer': 4}
HARMLESS = [
    BasicConsumeOk(b'jobs'), QueueDeclare(b'q'), ChannelOpenOk(), BasicAck(1, False),
    BasicReturn(312, b'NO_ROUTE', b'', b''),
]  # fmt: skip
UNSETTLED = [BasicDeliver(b'tag', 1, False, b'', b''), BasicGetOk(1, False, b'', b'', 0)]
EXPECTED = {
    ('publisher', BasicReturn), ('publisher', BasicAck), ('plain publisher', BasicReturn),
    ('consumer', BasicDeliver),
}  # fmt: skip


@pytest.mark.parametrize('channel', CHANNELS)
@pytest.mark.parametrize('method', [*HARMLESS, *UNSETTLED], ids=lambda method: method.NAME)
def test_what_the_broker_says_too_much_costs_at_most_its_channel(
    channel: str, method: Method
) -> None:
    if (channel, type(method)) in EXPECTED:
        return
    rig = Rig()
    broker = rig.up()
    consumer = rig.consume()
    broker.serve()
    if isinstance(method, (BasicReturn, BasicDeliver, BasicGetOk)):
        broker.send_content(CHANNELS[channel], method, b'body')
    else:
        broker.send(CHANNELS[channel], method)
    closed = [each for each in broker.serve() if isinstance(each, ChannelClose)]
    assert len(closed) == (method in UNSETTLED)
    assert 'nobody expects' in rig.logged()
    rig.advance(1)
    broker.serve()
    assert rig.reported(ConnectionLost) == []
    assert consumer.state == ST_ONLINE
