"""A connection, with CoolAMQP and with py-amqp: events, errors, ends, and what comes after."""

from __future__ import annotations

import contextlib
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import kombu
import pytest
from amqp import exceptions
from kombu.asynchronous import Hub
from kombu.mixins import ConsumerMixin

from coolamqp.framing.definitions import (
    BasicReturn,
    ChannelOpen,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionTune,
)
from tests.api.test_forks import in_a_child
from tests.kombu.conftest import TIMEOUT, Connect, drain, get, publish
from tests.support.nodes import BrokerNode
from tests.support.ports import HOST, free_port
from tests.support.proxy import FaultProxy
from tests.support.scripted_broker import Clock, ScriptedBroker
from tests.support.socket_broker import SocketBroker, SocketWire, say_and_reset

pytestmark = pytest.mark.integration


def test_nothing_happens_within_the_timeout(connection: Any, channel: Any) -> None:
    for timeout in (0, 0.05):
        with pytest.raises(TimeoutError):
            connection.drain_events(timeout=timeout)


def test_each_drain_calls_one_callback(connection: Any, channel: Any, queue: Any) -> None:
    publish(channel, queue, *range(3))
    received: list[Any] = []
    with kombu.Consumer(channel, [queue], on_message=received.append):
        for count in range(1, 4):
            connection.drain_events(timeout=TIMEOUT)
            assert len(received) == count


def test_callbacks_may_call(connection: Any, channel: Any, queue: Any) -> None:
    """Consumers are not called within the calls of a callback."""
    publish(channel, queue, *range(5))
    entered: list[int] = []

    def on_message(message: Any) -> None:
        entered.append(message.payload)
        if message.payload == 0:
            publish(channel, queue, 'more')
        queue.queue_declare(passive=True)
        message.ack()

    with kombu.Consumer(channel, [queue], on_message=on_message, prefetch_count=1):
        drain(connection, lambda: len(entered) == 6)
    assert entered == [0, 1, 2, 3, 4, 'more']


def test_an_error_in_a_callback_reaches_the_caller(
    connection: Any, channel: Any, queue: Any
) -> None:
    publish(channel, queue, 'bad', 'good')
    received: list[Any] = []

    def on_message(message: Any) -> None:
        if message.payload == 'bad':
            raise ZeroDivisionError
        received.append(message)

    with kombu.Consumer(channel, [queue], on_message=on_message):
        with pytest.raises(ZeroDivisionError):
            connection.drain_events(timeout=TIMEOUT)
        drain(connection, lambda: received)


def test_a_drain_ends_when_a_message_is_returned(connection: Any, channel: Any) -> None:
    """It has no timeout, so it must not raise TimeoutError."""
    returned: list[Any] = []
    channel.events['basic_return'].add(lambda *arguments: returned.append(arguments))
    channel.basic_publish(channel.prepare_message(b'back'), '', 'nowhere', mandatory=True)
    while not returned:
        connection.drain_events()


def test_a_callback_that_publishes_reads_no_more_than_it_drains(
    connect: Connect, ours: str, connection: Any, queue: Any
) -> None:
    other = connection.channel()
    for _ in range(20_000):
        other.basic_publish(other.prepare_message(b'small'), '', queue.name)
    consumer, waiting = connect(ours), [0]
    channel = consumer.channel()

    def on_message(_message: Any) -> None:
        channel.basic_publish(channel.prepare_message(b'answer'), 'amq.fanout', '')
        waiting.append(len(consumer.connection.events))

    channel.basic_consume(queue.name, callback=on_message)
    drain(consumer, lambda: len(waiting) > 1000)
    assert max(waiting) < 10_000


def test_a_signal_handler_may_release_the_connection(connection: Any) -> None:
    connection.connect()
    before = signal.signal(signal.SIGUSR1, lambda *_: connection.release())
    try:
        main = threading.main_thread().ident
        threading.Timer(0.05, signal.pthread_kill, (main, signal.SIGUSR1)).start()
        with pytest.raises(connection.connection_errors) as raised:
            connection.drain_events(timeout=TIMEOUT)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert not isinstance(raised.value, TimeoutError)


def test_another_thread_may_release_the_connection(
    connect: Connect, ours: str, rabbitmq: BrokerNode, proxy: FaultProxy
) -> None:
    """Even if the broker is silent."""
    connection = connect(ours.replace(f':{rabbitmq.port}', f':{proxy.port}'))
    channel = connection.channel()
    name = channel.queue_declare('', exclusive=True).queue
    channel.basic_publish(channel.prepare_message(b'begin'), '', name)
    begun, causes = threading.Event(), list[Exception]()
    channel.basic_consume(name, callback=lambda _message: begun.set())

    def drain_until_the_end() -> None:
        try:
            while True:
                connection.drain_events()
        except connection.connection_errors as error:
            causes.append(error)

    thread = threading.Thread(target=drain_until_the_end)
    thread.start()
    assert begun.wait(TIMEOUT)
    proxy.pause()
    connection.release()
    thread.join(TIMEOUT)

    assert [str(cause) for cause in causes] == ['the connection is closed']


# Making connections


def test_what_kombu_knows_of_a_connection(connection: Any, scheme: str) -> None:
    connection.connect()

    assert connection.connected
    assert connection.supports_heartbeats
    assert connection.transport.supports_ev
    assert connection.transport.driver_type == 'amqp'
    assert connection.transport.driver_version()
    assert connection.supports_exchange_type('topic')
    assert connection.as_uri().startswith(
        f'{"amqp" if scheme == "pyamqp" else scheme}://guest:**@{HOST}:'
    )
    broker = connection.connection.server_properties
    follows = broker['product'] != 'RabbitMQ' or int(broker['version'].split('.')[0]) >= 4
    assert connection.qos_semantics_matches_spec is follows


def test_connections_leave_nothing_behind(rabbitmq: BrokerNode, ours: str, no_leaks: None) -> None:
    for end in (kombu.Connection.release, kombu.Connection.collect):
        connection = kombu.Connection(ours)
        channel = connection.channel()
        end(connection)
        assert channel.connection is None


def test_a_clone_is_another_connection(connection: Any) -> None:
    connection.connect()
    with connection.clone() as clone:
        clone.connect()
        assert clone.connected
        assert clone.connection is not connection.connection
    assert connection.connected
    assert not clone.connected


def test_a_closed_connection_connects_again(connection: Any) -> None:
    connection.connect()
    connection.release()
    assert not connection.connected

    connection.ensure_connection(max_retries=1)
    assert connection.connected


def test_pools(connection: Any) -> None:
    pool = connection.Pool(limit=2)
    with pool.acquire() as first, pool.acquire() as second:
        first.default_channel.queue_declare('', exclusive=True)
        second.default_channel.queue_declare('', exclusive=True)
        assert first.connection is not second.connection
        with pytest.raises(kombu.exceptions.LimitExceeded):
            pool.acquire()
    with pool.acquire() as again:
        assert again.connected
    pool.force_close_all()
    assert not first.connected
    channels = connection.ChannelPool(limit=1)
    with channels.acquire() as channel:
        channel.queue_declare('', exclusive=True)


def test_a_wrong_password(connect: Connect, url: str) -> None:
    connection = connect(url.replace('guest:guest', 'guest:wrong'))

    with pytest.raises(exceptions.AccessRefused) as raised:
        connection.connect()
    assert raised.value.code == 403


def test_the_password_may_be_a_function(connect: Connect, rabbitmq: BrokerNode, ours: str) -> None:
    connection = connect(ours, userid=rabbitmq.user)
    connection.password = lambda: rabbitmq.password

    assert connection.connect().connected


def test_no_such_virtual_host(connect: Connect, url: str) -> None:
    connection = connect(f'{url}-missing')

    with pytest.raises(exceptions.AMQPError) as raised:
        connection.connect()
    assert raised.value.code == 530


def test_nobody_listens(connect: Connect, scheme: str) -> None:
    connection = connect(f'{scheme}://{HOST}:{free_port()}')

    with pytest.raises(ConnectionRefusedError):
        connection.connect()
    with pytest.raises(kombu.exceptions.OperationalError):
        connection.ensure_connection(max_retries=1)


def test_the_next_url_is_tried(connect: Connect, scheme: str, url: str) -> None:
    connection = connect(f'{scheme}://{HOST}:{free_port()};{url}')
    failures: list[Exception] = []

    connection.ensure_connection(errback=lambda error, _interval: failures.append(error))

    assert connection.connected
    assert [type(failure) for failure in failures] == [ConnectionRefusedError]


def test_the_broker_does_not_answer(
    connect: Connect, ours: str, rabbitmq: BrokerNode, proxy: FaultProxy
) -> None:
    proxy.pause()
    connection = connect(ours.replace(str(rabbitmq.port), str(proxy.port)), connect_timeout=0.2)

    with pytest.raises(exceptions.RecoverableConnectionError, match='handshake'):
        connection.connect()


# The ends of connections


@pytest.fixture
def through_proxy(
    connect: Connect, url: str, rabbitmq: BrokerNode, proxy: FaultProxy
) -> Callable[..., Any]:
    """Connect through the proxy."""
    return lambda **options: connect(url.replace(f':{rabbitmq.port}', f':{proxy.port}'), **options)


def test_the_connection_breaks(through_proxy: Callable[..., Any], proxy: FaultProxy) -> None:
    connection = through_proxy()
    channel = connection.channel()
    proxy.cut()

    with pytest.raises(connection.connection_errors):
        channel.queue_declare('', exclusive=True)
    connection.collect()
    assert not connection.connected
    connection.default_channel.queue_declare('', exclusive=True)


def test_the_broker_closes_the_connection(connection: Any, rabbitmq: BrokerNode) -> None:
    channel = connection.channel()
    rabbitmq.close_all_connections()

    with pytest.raises(exceptions.ConnectionForced) as raised:
        connection.drain_events(timeout=TIMEOUT)
    assert raised.value.code == 320
    assert not connection.connected
    with pytest.raises(connection.connection_errors):
        channel.queue_declare('', exclusive=True)


def test_a_publish_notices_that_the_broker_has_gone(
    connection: Any, restarting: BrokerNode
) -> None:
    """Otherwise the first message after a restart of the broker would be lost without a word."""
    channel = connection.channel()
    restarting.restart()

    with pytest.raises(connection.connection_errors):
        channel.basic_publish(channel.prepare_message(b'lost'), '', 'key')


def test_kombu_publishes_again_after_a_restart(connection: Any, restarting: BrokerNode) -> None:
    producer = connection.Producer()
    queue = kombu.Queue('again', kombu.Exchange('again'), routing_key='again')
    producer.publish('before', exchange=queue.exchange, routing_key='again', declare=[queue])
    restarting.restart()
    producer.publish(
        'after', exchange=queue.exchange, routing_key='again', declare=[queue], retry=True
    )

    bound = queue(connection.default_channel)
    assert [get(bound).payload for _ in range(2)] == ['before', 'after']


def test_a_consumer_mixin_consumes_after_a_restart(
    connection: Any, connect: Connect, url: str, restarting: BrokerNode
) -> None:
    queue = kombu.Queue('jobs')
    received: list[str] = []
    seen = threading.Semaphore(0)

    class Worker(ConsumerMixin):
        def __init__(self) -> None:
            self.connection = connection

        def get_consumers(self, consumer: Any, channel: Any) -> list[Any]:
            return [consumer(queue, callbacks=[self.on_job], prefetch_count=10)]

        def on_job(self, body: str, message: Any) -> None:
            received.append(body)
            message.ack()
            self.should_stop = len(received) == 2
            seen.release()

    worker = threading.Thread(target=Worker().run)
    worker.start()
    publisher = connect(url)
    publisher.Producer().publish('before', routing_key='jobs', declare=[queue])
    assert seen.acquire(timeout=TIMEOUT)
    restarting.restart()
    publisher.Producer().publish('after', routing_key='jobs', declare=[queue], retry=True)
    assert seen.acquire(timeout=TIMEOUT)
    worker.join(TIMEOUT)

    assert received == ['before', 'after']


def test_a_child_process_leaves_the_connection_to_its_parent(connect: Connect, ours: str) -> None:
    connection = connect(ours)
    channel = connection.channel()
    for use in (connection.collect, connection.release):
        assert in_a_child(use) == 'returned None'
        assert channel.queue_declare('', exclusive=True).queue


def test_a_child_process_leaves_the_channels_to_its_parent(connect: Connect, ours: str) -> None:
    """py-amqp would send the calls of the child to the parent's connection."""
    connection = connect(ours)
    channel = connection.default_channel
    assert in_a_child(connection.release) == 'returned None'
    assert in_a_child(channel.close) == 'returned None'
    for call in (lambda: channel.basic_ack(1), lambda: channel.queue_declare('child')):
        assert 'belongs to the parent' in in_a_child(call)
    publish = channel.basic_publish
    assert 'belongs to the parent' in in_a_child(lambda: publish(channel.prepare_message(''), 'x'))

    assert channel.queue_declare('', exclusive=True).queue


def test_kombu_connects_again_in_a_child_process(connect: Connect, ours: str) -> None:
    connection = connect(ours)
    channel = connection.default_channel

    parent = connection.connection
    assert in_a_child(lambda: connection.connection is parent) == 'returned False'
    assert channel.queue_declare('', exclusive=True).queue


def test_an_error_does_not_grow(connection: Any, rabbitmq: BrokerNode) -> None:
    """Each call raises the error that has ended the connection."""
    channel, lengths = connection.channel(), set[int]()
    rabbitmq.close_all_connections()
    for _ in range(5):
        with pytest.raises(connection.connection_errors) as raised:
            channel.queue_declare('', exclusive=True)
        lengths.add(len(traceback.extract_tb(raised.value.__traceback__)))

    assert len(lengths) <= 2  # the first one comes from the wait for the answer


@pytest.fixture
def scripted(connect: Connect, scheme: str) -> Iterator[tuple[Any, ScriptedBroker]]:
    """A connection to a scripted broker, and the broker."""
    with SocketBroker() as listener, ThreadPoolExecutor(1) as thread:
        connection = connect(f'{scheme}://guest:guest@{HOST}:{listener.node.port}')
        connected = thread.submit(connection.connect)
        with listener.accept() as client:
            broker = ScriptedBroker(SocketWire(client), Clock())
            broker.shake_hands(ConnectionTune(0, 131072, 0))
            connected.result(TIMEOUT)
            yield connection, broker
            connection.collect()


@pytest.mark.parametrize('scheme', ['coolamqp'])
def test_a_close_of_the_broker_is_answered(scripted: tuple[Any, ScriptedBroker]) -> None:
    connection, broker = scripted
    broker.send(0, ConnectionClose(320, 'CONNECTION_FORCED', 0, 0))

    with pytest.raises(exceptions.ConnectionForced):
        connection.drain_events(timeout=TIMEOUT)
    assert broker.methods() == [ConnectionCloseOk()]


@pytest.mark.parametrize('scheme', ['coolamqp'])
def test_an_event_loop_hears_of_an_end_that_a_call_has_noticed(
    scripted: tuple[Any, ScriptedBroker],
) -> None:
    """Nothing more comes from the socket until the broker closes it."""
    connection, broker = scripted
    hub = Hub()
    hub.propagate_errors = (Exception,)
    connection.register_with_event_loop(hub)
    broker.send(0, ConnectionClose(320, 'CONNECTION_FORCED', 0, 0))
    with pytest.raises(exceptions.ConnectionForced):
        drain(connection.connection, lambda: False)

    hub.call_later(TIMEOUT, pytest.fail, 'the event loop waits')
    loop = hub.create_loop()
    with pytest.raises(exceptions.ConnectionForced):
        list(loop)
    hub.close()


@pytest.mark.parametrize('scheme', ['coolamqp'])
def test_the_connection_breaks_while_a_channel_opens(
    scripted: tuple[Any, ScriptedBroker],
) -> None:
    connection, broker = scripted
    with ThreadPoolExecutor(1) as thread:
        opened = thread.submit(connection.channel)
        assert broker.methods() == [ChannelOpen()]
        assert isinstance(broker.wire, SocketWire)
        broker.wire.close()
        with pytest.raises(connection.connection_errors):
            opened.result(TIMEOUT)


@pytest.mark.parametrize('scheme', ['coolamqp'])
def test_a_call_ends_although_a_callback_has_handled_the_error(
    scripted: tuple[Any, ScriptedBroker],
) -> None:
    """The callback makes a call within the call, and both end with the channel."""
    connection, broker = scripted
    with ThreadPoolExecutor(1) as thread:
        opened = thread.submit(connection.channel)
        for frame in broker.hear():
            broker.serve_frame(frame)
        channel = opened.result(TIMEOUT)

        def on_return(*_arguments: object) -> None:
            with contextlib.suppress(exceptions.NotFound):
                channel.queue_declare('inner')

        channel.events['basic_return'].add(on_return)
        called = thread.submit(channel.queue_declare, 'outer')
        broker.hear()
        broker.send_content(channel.channel_id, BasicReturn(312, b'NO_ROUTE', b'', b'key'), b'')
        broker.hear()
        broker.close_channel(channel.channel_id)
        with pytest.raises(exceptions.RecoverableChannelError, match='during the call'):
            called.result(TIMEOUT)


def test_the_connection_breaks_amid_a_message(connect: Connect, scheme: str) -> None:
    """Without confirms, only this error says that the message is lost."""
    with SocketBroker() as listener, ThreadPoolExecutor(1) as thread:
        connection = connect(f'{scheme}://guest:guest@{HOST}:{listener.node.port}')
        thread.submit(lambda: say_and_reset(listener.hear_publish(), b''))
        channel = connection.channel()
        with pytest.raises(connection.connection_errors):
            channel.basic_publish(channel.prepare_message(b'x' * 32 * 1024 * 1024), '', 'key')
        connection.collect()


def test_a_release_does_not_wait_for_a_silent_broker(
    connect: Connect, ours: str, rabbitmq: BrokerNode, proxy: FaultProxy
) -> None:
    connection = connect(ours.replace(f':{rabbitmq.port}', f':{proxy.port}'))
    connection.default_channel.queue_declare('', exclusive=True)
    proxy.pause()

    connection.release()

    assert not connection.connected


# Heartbeats and flow control


def test_heartbeats_are_negotiated(connect: Connect, ours: str) -> None:
    with connect(ours, heartbeat=7) as connection:
        connection.connect()
        assert connection.get_heartbeat_interval() == 7
        connection.heartbeat_check()
    with connect(ours) as connection:
        connection.connect()
        assert connection.get_heartbeat_interval() == 60  # the proposal of RabbitMQ


def test_a_silent_broker_is_noticed(
    connect: Connect, ours: str, rabbitmq: BrokerNode, proxy: FaultProxy
) -> None:
    """py-amqp would wait for ever."""
    url = ours.replace(f':{rabbitmq.port}', f':{proxy.port}')
    options = {'confirm_publish': True}
    connection = connect(url, heartbeat=1, transport_options=options)
    channel = connection.channel()
    channel.basic_publish(channel.prepare_message(b'heard'), '', 'key')
    proxy.pause()

    with pytest.raises(exceptions.RecoverableConnectionError, match='nothing heard'):
        channel.basic_publish(channel.prepare_message(b'unheard'), '', 'key')


def test_a_confirm_may_be_too_late(
    connect: Connect, url: str, rabbitmq: BrokerNode, proxy: FaultProxy
) -> None:
    options = {'confirm_publish': True}
    through = url.replace(f':{rabbitmq.port}', f':{proxy.port}')
    connection = connect(through, transport_options=options)
    channel = connection.channel()
    channel.basic_publish(channel.prepare_message(b'heard'), '', 'key')
    proxy.pause()

    with pytest.raises(connection.connection_errors):
        channel.basic_publish(channel.prepare_message(b'unheard'), '', 'key', confirm_timeout=0.1)
    connection.collect()


def test_the_broker_blocks_the_connection(
    connect: Connect, ours: str, rabbitmq: BrokerNode
) -> None:
    heard: list[str] = []
    options = {'on_blocked': heard.append, 'on_unblocked': lambda: heard.append('unblocked')}
    connection = connect(ours, transport_options=options)
    channel = connection.channel()
    rabbitmq.set_memory_alarm(True)
    try:
        channel.basic_publish(channel.prepare_message(b'wakes the alarm'), '', 'key')
        drain_until_heard(connection, heard, 1)
    finally:
        rabbitmq.set_memory_alarm(False)
    drain_until_heard(connection, heard, 2)

    assert heard == ['low on memory', 'unblocked']


def test_a_program_hears_of_the_block_while_it_waits(
    connect: Connect, url: str, rabbitmq: BrokerNode
) -> None:
    heard = threading.Event()
    options = {'confirm_publish': True, 'on_blocked': lambda _reason: heard.set()}
    channel = connect(url, transport_options=options).channel()
    channel.basic_publish(channel.prepare_message(b'before'), '', 'key')
    rabbitmq.set_memory_alarm(True)

    def end_alarm() -> bool:
        in_time = heard.wait(TIMEOUT)
        rabbitmq.set_memory_alarm(False)
        return in_time

    with ThreadPoolExecutor(1) as thread:
        in_time = thread.submit(end_alarm)
        channel.basic_publish(channel.prepare_message(b'waits for its confirm'), '', 'key')
        assert in_time.result()


def drain_until_heard(connection: Any, heard: list[str], count: int) -> None:
    """Drain, although there are no events, until a program has heard of so many changes."""
    while len(heard) < count:
        with contextlib.suppress(TimeoutError):
            connection.drain_events(timeout=TIMEOUT)
