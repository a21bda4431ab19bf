"""The handshake: protocol header, login, limits, virtual host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from coolamqp.framing.definitions import (
    ChannelOpen,
    ConnectionClose,
    ConnectionOpen,
    ConnectionOpenOk,
    ConnectionStart,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
    QueueDeclare,
)
from coolamqp.framing.field_table import encode_table, plain_table
from coolamqp.framing.frames import PROTOCOL_HEADER
from coolamqp.framing.method import Method
from tests.behaviour.brokers import BrokerUnderTest, by_version
from tests.behaviour.client import RawConnection, open_wire, plain_response
from tests.behaviour.conftest import Connect, Vhosts
from tests.behaviour.texts import Refusal, access_refused, not_allowed
from tests.behaviour.wire import Refused, Wire, text

WITH_CLOSE: dict[str, Any] = {'capabilities': {'authentication_failure_close': True}}
START_OK = ConnectionStartOk(WITH_CLOSE, 'PLAIN', b'\0guest\0guest', 'en_US')
LOGIN_REFUSED = (
    'Login was refused using authentication mechanism {}. For details see the broker logfile.'
)


def refused_login(url: str, **options: Any) -> Refusal:
    """Return code and text with which the broker closes a connection that is being made."""
    with pytest.raises(Refused) as caught:
        RawConnection(url, **options).close()
    assert caught.value.channel == 0
    return caught.value.code, caught.value.text


@pytest.fixture(scope='module')
def vhost(vhosts: Vhosts) -> str:
    """The name of one virtual host for all these tests: none leaves what another minds."""
    return vhosts.take()


# -- the protocol header


def test_the_broker_starts_with_version_0_9(connection: RawConnection) -> None:
    assert (connection.start.version_major, connection.start.version_minor) == (0, 9)


@pytest.mark.parametrize(
    'header',
    [
        b'AMQP\x00\x00\x09\x02',
        b'AMQP\x00\x00\x0a\x00',
        b'AMQP\x00\x01\x09\x01',
        b'AMQP\x01\x01\x00\x0a',
        b'HTTP/1.1',
        b'GET / HTTP/1.1\r\n\r\n',
    ],
)
def test_another_protocol_header_is_answered_with_one(
    broker: BrokerUnderTest, url: str, header: bytes
) -> None:
    proposed = PROTOCOL_HEADER
    resembles = header.startswith(b'AMQP\x00\x00')
    if broker.kind == 'rabbitmq' and broker.version >= (4, 0) and not resembles:
        proposed = b'AMQP\x03\x01\x00\x00'  # RabbitMQ 4 proposes AMQP 1.0, with SASL
    with closing(open_wire(url)) as wire:
        wire.send(header)

        assert wire.receive_raw(8) == proposed
        wire.expect_end()


def test_the_header_of_amqp_0_9_is_accepted_too(url: str) -> None:
    with closing(open_wire(url)) as wire:
        wire.send(b'AMQP\x01\x01\x00\x09')

        assert wire.expect(ConnectionStart).version_minor == 9


# -- connection.start


def test_the_broker_names_its_mechanisms_and_locales(
    broker: BrokerUnderTest, connection: RawConnection
) -> None:
    expected = by_version(
        broker,
        {(3, 10): {'PLAIN', 'AMQPLAIN'}, (4, 0): {'PLAIN', 'AMQPLAIN', 'ANONYMOUS'}},
    )

    assert set(text(connection.start.mechanisms).split(' ')) == expected
    assert connection.start.locales == b'en_US'


def test_the_capabilities_of_the_broker(connection: RawConnection) -> None:
    properties: Any = connection.start.server_properties

    assert plain_table(properties)['capabilities'] == {
        'publisher_confirms': True,
        'exchange_exchange_bindings': True,
        'basic.nack': True,
        'consumer_cancel_notify': True,
        'connection.blocked': True,
        'consumer_priorities': True,
        'authentication_failure_close': True,
        'per_consumer_qos': True,
        'direct_reply_to': True,
    }


def test_the_properties_of_the_broker(broker: BrokerUnderTest, connection: RawConnection) -> None:
    properties: Any = connection.start.server_properties
    plain = plain_table(properties)

    assert set(plain) == {
        'capabilities', 'cluster_name', 'copyright', 'information', 'platform', 'product',
        'version',
    }  # fmt: skip
    if broker.kind == 'rabbitmq':
        assert plain['product'] == 'RabbitMQ'
        assert plain['version'] == '.'.join(map(str, broker.version))


# -- login


@pytest.mark.parametrize(
    'credentials', ['guest:wrong', 'nobody:guest', 'guest:', 'Guest:guest', 'guest:guest%20']
)
def test_a_wrong_login_is_refused(broker: BrokerUnderTest, vhost: str, credentials: str) -> None:
    user, _, password = credentials.partition(':')
    url = broker.url(vhost, user, password.replace('%20', ' '))

    assert refused_login(url) == access_refused(LOGIN_REFUSED.format('PLAIN'))


def test_the_mechanism_amqplain(url: str) -> None:
    right = encode_table({'LOGIN': 'guest', 'PASSWORD': 'guest'})[4:]
    wrong = encode_table({'LOGIN': 'guest', 'PASSWORD': 'wrong'})[4:]

    RawConnection(url, mechanism='AMQPLAIN', response=right).close()
    assert refused_login(url, mechanism='AMQPLAIN', response=wrong) == access_refused(
        LOGIN_REFUSED.format('AMQPLAIN')
    )


def test_users_have_passwords_of_their_own(broker: BrokerUnderTest, vhost: str) -> None:
    broker.add_user(f'{vhost}-user', 'secret:ł@/', vhost)

    RawConnection(broker.url(vhost, f'{vhost}-user', 'secret:ł@/')).close()
    assert refused_login(broker.url(vhost, f'{vhost}-user', 'guest'))[0] == 403


def test_any_locale_and_no_client_properties_are_accepted(url: str) -> None:
    with closing(open_wire(url)) as wire:
        wire.send(PROTOCOL_HEADER)
        wire.expect(ConnectionStart)
        wire.send_method(0, ConnectionStartOk({}, 'PLAIN', plain_response(url), 'pl_PL'))
        wire.expect(ConnectionTune)


# -- limits


def test_the_limits_of_the_broker(connection: RawConnection) -> None:
    assert connection.tune == ConnectionTune(2047, 131072, 60)


@pytest.mark.parametrize(
    'limits',
    [
        {'frame_max': 8192},
        {'frame_max': 131072},
        {'channel_max': 1},
        {'channel_max': 2047},
        {'heartbeat': 0},
        {'heartbeat': 65535},
    ],
    ids=str,
)
def test_the_client_may_choose_lower_limits(connect: Connect, limits: dict[str, int]) -> None:
    assert connect(**limits).channel().queue('q') == 'q'


def test_the_lowest_frame_max(broker: BrokerUnderTest, connect: Connect) -> None:
    lowest = by_version(broker, {(3, 10): 4096, (4, 3): 8192})

    assert connect(frame_max=lowest).channel().queue('q') == 'q'


def test_as_many_channels_as_agreed(connect: Connect) -> None:
    connection = connect(channel_max=2)
    connection.channel(1)
    connection.channel(2)

    assert connection.refused(ChannelOpen(), 3) == not_allowed(
        'number of channels opened (2) has reached the negotiated channel_max (2)'
    )


def test_a_number_above_channel_max_is_accepted(connect: Connect) -> None:
    connection = connect(channel_max=2)

    assert connection.channel(2047).queue('q') == 'q'


def test_the_broker_sends_frames_of_the_agreed_size(connect: Connect) -> None:
    channel = connect(frame_max=8192).channel()
    channel.queue('q')
    body = bytes(range(256)) * 100

    channel.put('q', body)

    assert channel.must_get('q').body == body


# -- heartbeats


def test_both_sides_send_heartbeats(connect: Connect) -> None:
    connection = connect(heartbeat=1)
    while connection.wire.heartbeats < 2:
        connection.wire.await_heartbeat()

    assert connection.channel().queue('q') == 'q'


# -- the virtual host


def test_a_virtual_host_that_does_not_exist(broker: BrokerUnderTest) -> None:
    assert refused_login(broker.url('nowhere')) == not_allowed('vhost nowhere not found')


def test_an_empty_virtual_host(url: str) -> None:
    assert refused_login(url, virtual_host='') == not_allowed('vhost  not found')


def test_a_virtual_host_without_permissions(broker: BrokerUnderTest, vhost: str) -> None:
    user = f'{vhost}-stranger'
    broker.add_user(user, 'secret')

    assert refused_login(broker.url(vhost, user, 'secret')) == not_allowed(
        f"access to vhost '{vhost}' refused for user '{user}'"
    )
    assert refused_login(broker.url('nowhere', user, 'secret')) == not_allowed(
        'vhost nowhere not found'
    )


def test_a_virtual_host_with_an_unusual_name(broker: BrokerUnderTest) -> None:
    name = 'behaviour a/b ł%2f'
    broker.add_vhost(name)
    try:
        with RawConnection(broker.url(name)) as connection:
            connection.channel().queue('q')
    finally:
        broker.delete_vhost(name)


def test_deleting_a_virtual_host_closes_its_connections(broker: BrokerUnderTest) -> None:
    broker.add_vhost('behaviour-doomed')
    connection = RawConnection(broker.url('behaviour-doomed'))
    broker.delete_vhost('behaviour-doomed')

    # Two processes of RabbitMQ notice it, and either may be the first.
    code, reason = connection.expect_close()
    assert code == 320
    assert reason in {
        "CONNECTION_FORCED - vhost 'behaviour-doomed' is deleted",
        "CONNECTION_FORCED - vhost 'behaviour-doomed' is down",
    }
    connection.close()


# -- what ends a connection without a word

# RabbitMQ waits for three seconds before it closes the socket, so all of these wait together.
Step = Method | type[Method]
LOGGED_IN: tuple[Step, ...] = (ConnectionStart, START_OK, ConnectionTune)
SILENT_ENDS: dict[str, tuple[Step, ...]] = {
    'a wrong password without the capability': (
        ConnectionStart,
        ConnectionStartOk({}, 'PLAIN', b'\0guest\0wrong', 'en_US'),
    ),
    'an unknown mechanism': (ConnectionStart, ConnectionStartOk({}, 'NONE', b'', 'en_US')),
    'a malformed response': (
        ConnectionStart,
        ConnectionStartOk(WITH_CLOSE, 'PLAIN', b'guest guest', 'en_US'),
    ),
    'an empty response': (ConnectionStart, ConnectionStartOk(WITH_CLOSE, 'PLAIN', b'', 'en_US')),
    'an authorization id': (
        ConnectionStart,
        ConnectionStartOk(WITH_CLOSE, 'PLAIN', b'guest\0guest\0guest', 'en_US'),
    ),
    'frame_max 1': (*LOGGED_IN, ConnectionTuneOk(0, 1, 0)),
    'frame_max 0': (*LOGGED_IN, ConnectionTuneOk(2047, 0, 0)),
    'frame_max 4095': (*LOGGED_IN, ConnectionTuneOk(2047, 4095, 0)),
    'frame_max above': (*LOGGED_IN, ConnectionTuneOk(2047, 131073, 0)),
    'channel_max 0': (*LOGGED_IN, ConnectionTuneOk(0, 131072, 0)),
    'channel_max above': (*LOGGED_IN, ConnectionTuneOk(2048, 131072, 0)),
    'open before start-ok': (ConnectionStart, ConnectionOpen('/')),
    'open before tune-ok': (*LOGGED_IN, ConnectionOpen('/')),
    'start-ok twice': (*LOGGED_IN, START_OK),
    'a method of another class': (ConnectionStart, QueueDeclare('q')),
    'close before tune-ok': (*LOGGED_IN, ConnectionClose(200, 'bye', 0, 0)),
    'no heartbeats': (
        *LOGGED_IN,
        ConnectionTuneOk(2047, 131072, 1),
        ConnectionOpen('/'),
        ConnectionOpenOk,
    ),
}


@pytest.fixture(scope='module')
def silent_ends(broker: BrokerUnderTest) -> Iterator[dict[str, Wire]]:
    """Take all these steps at once, each on its wire."""
    with ExitStack() as stack:
        wires = {}
        for name, steps in SILENT_ENDS.items():
            wire = stack.enter_context(closing(open_wire(broker.url())))
            wire.send(PROTOCOL_HEADER)
            for step in steps:
                if isinstance(step, Method):
                    wire.send_method(0, step)
                else:
                    wire.expect(step)
            wires[name] = wire
        yield wires


@pytest.mark.parametrize('name', SILENT_ENDS)
def test_the_broker_closes_the_socket_without_a_word(
    silent_ends: dict[str, Wire], name: str
) -> None:
    silent_ends[name].expect_end()
