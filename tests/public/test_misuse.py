"""What is called wrongly says so at once, in the caller's thread, and says what would be right."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from coolamqp.attaches import Consumer
from coolamqp.clustering import Cluster, NothingMuch
from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import Exchange, Message, NodeDefinition, Queue, QueueBind
from tests.conftest import MakeCluster
from tests.integration.support import PATIENCE, Collector, await_event, confirmed, consume

LONG = 'x' * 256
QUEUE = Queue('jobs')
MESSAGE = Message(b'hello')

# Old programs have no types; nor has who misuses.
CLUSTER: Any = Cluster
CONSUMER: Any = Consumer
EXCHANGE: Any = Exchange
QUEUE_CLASS: Any = Queue
MESSAGE_CLASS: Any = Message

# -- what is wrong by itself: (what is made, the exception, its words)

MADE: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    'text body': (lambda: MESSAGE_CLASS('text'), TypeError, r'body must be bytes, not str.*encode'),
    'no body': (lambda: MESSAGE_CLASS(None), TypeError, r'body must be bytes.*not NoneType'),
    'properties': (
        lambda: MESSAGE_CLASS(b'', 'text/plain'),
        TypeError,
        r'properties must be MessageProperties or a dict, not str',
    ),
    'exchange name': (lambda: Exchange(LONG), ValueError, r'exchange name is 256 bytes.*most 255'),
    'exchange name in another encoding': (lambda: Exchange(b'\xff'), ValueError, r'only UTF-8'),
    'queue name in another encoding': (lambda: Queue(b'\xff'), ValueError, r'only UTF-8'),
    'consumer tag in another encoding': (
        lambda: Consumer(QUEUE, print, consumer_tag=b'\xff'),
        ValueError,
        r'consumer_tag is .*only UTF-8',
    ),
    'binding key in another encoding': (
        lambda: QueueBind('q', 'ex', b'\xff'),
        ValueError,
        r'routing_key is .*only UTF-8',
    ),
    'a float that no broker reads': (
        lambda: Message(b'', {'headers': {'score': float('nan')}}),
        ValueError,
        r"headers\['score'\] is nan.*finite",
    ),
    'exchange name in UTF-8': (lambda: Exchange('ż' * 128), ValueError, r'exchange name is 256'),
    'exchange name of a number': (
        lambda: EXCHANGE(5),
        TypeError,
        r'exchange name must be str or bytes, not int',
    ),
    'exchange type': (
        lambda: Exchange('ex', 'directt'),
        ValueError,
        r"no exchange type 'directt'.*direct, fanout, topic, headers",
    ),
    'queue name': (lambda: Queue(LONG), ValueError, r'queue name is 256 bytes.*at most 255'),
    'queue name of a number': (
        lambda: QUEUE_CLASS(5),
        TypeError,
        r'queue name must be str or bytes, not int',
    ),
    'routing key of a queue': (
        lambda: Queue('q', routing_key=LONG),
        ValueError,
        r'routing_key is 256 bytes.*at most 255',
    ),
    'exchange of a queue': (
        lambda: QUEUE_CLASS('q', exchange='ex'),
        TypeError,
        r'exchange must be an Exchange',
    ),
    'queue of a binding': (
        lambda: QueueBind(LONG, 'ex', ''),
        ValueError,
        r'queue is 256 bytes.*at most 255',
    ),
    'routing key of a binding': (
        lambda: QueueBind('q', 'ex', LONG),
        ValueError,
        r'routing_key is 256 bytes.*at most 255',
    ),
    'nodes of None': (lambda: CLUSTER(None), TypeError, r'nodes must be .*, not None'),
    'a bound of nothing': (
        lambda: CLUSTER('amqp://a:b@h', max_unconfirmed=0),
        ValueError,
        r'max_unconfirmed must be .* from 1, not 0',
    ),
    'a property that is none': (
        lambda: Message(b'', {'type': 'x'}),
        TypeError,
        r"no property .* 'type'; it is called type_",
    ),
    'a span that is none': (
        lambda: CONSUMER(Queue('q'), print, 10, False),
        TypeError,
        r'span must be .*, not 10',
    ),
    'no nodes': (lambda: CLUSTER([]), ValueError, r'at least one node'),
    'no node': (lambda: CLUSTER([5]), TypeError, r'a node (must be|is) a NodeDefinition'),
    'queue of a consumer': (
        lambda: CONSUMER('jobs', print),
        TypeError,
        r"queue must be a Queue, not 'jobs'",
    ),
    'on_message': (
        lambda: CONSUMER(QUEUE, 'print'),
        TypeError,
        r'on_message must be a function or None',
    ),
    'negative prefetch': (
        lambda: Consumer(QUEUE, print, no_ack=False, qos=-1),
        ValueError,
        r'prefetch count.* from 0.*to 65535, not -1',
    ),
    'negative prefetch in a pair': (
        lambda: Consumer(QUEUE, print, no_ack=False, qos=(None, -1)),
        ValueError,
        r'prefetch count.* from 0.*to 65535, not -1',
    ),
    'large prefetch': (
        lambda: Consumer(QUEUE, print, no_ack=False, qos=65536),
        ValueError,
        r'prefetch count.* from 0.*to 65535, not 65536',
    ),
    'negative prefetch later': (
        lambda: Consumer(QUEUE, print, no_ack=False).set_qos(-1),
        ValueError,
        r'prefetch count.* from 0.*to 65535, not -1',
    ),
    'body_receive_mode': (
        lambda: Consumer(QUEUE, print, body_receive_mode=3),
        ValueError,
        r'3.*BodyReceiveMode',
    ),
}


@pytest.mark.parametrize(('make', 'error', 'words'), MADE.values(), ids=MADE)
def test_what_makes_no_sense_is_not_made(
    make: Callable[[], Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        make()


# -- arguments that no field table can hold

NESTED = {'a': {'b': [1, {'c': object()}]}}
KEY_PATH = r"arguments.*\['a'\]\['b'\]\[1\]\['c'\] is a object, which no field table can hold"
HOLDERS: dict[str, Callable[[Any], Any]] = {
    'exchange': lambda arguments: Exchange('ex', arguments=arguments),
    'queue': lambda arguments: Queue('q', arguments=arguments),
    'queue binding': lambda arguments: Queue('q', arguments_bind=arguments),
    'binding': lambda arguments: QueueBind('q', 'ex', '', arguments),
    'consumer': lambda arguments: Consumer(QUEUE, print, arguments=arguments),
}


@pytest.mark.parametrize('hold', HOLDERS.values(), ids=HOLDERS)
def test_arguments_that_no_table_can_hold_are_named_by_their_key_path(
    hold: Callable[[Any], Any],
) -> None:
    with pytest.raises(TypeError, match=KEY_PATH):
        hold(NESTED)
    with pytest.raises(ValueError, match=r'64 bits'):
        hold({'a': 2**64})
    with pytest.raises(ValueError, match=r'256 bytes'):
        hold({LONG: 1})


def test_headers_that_no_table_can_hold_are_named_by_their_key_path() -> None:
    with pytest.raises(TypeError, match=r"headers\['a'\]\['b'\]\[1\]\['c'\] is a object"):
        Message(b'', {'headers': NESTED})


# -- what a Cluster is asked for

ASKED: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    'publish bytes': (
        lambda cluster: cluster.publish(b'hello', routing_key='jobs'),
        TypeError,
        r'message must be a Message, not bytes',
    ),
    'publish to a queue': (
        lambda cluster: cluster.publish(MESSAGE, QUEUE),
        TypeError,
        r'exchange must be an Exchange or a name, not Queue',
    ),
    'publish to a number': (
        lambda cluster: cluster.publish(MESSAGE, 5),
        TypeError,
        r'exchange must be an Exchange or a name, not 5',
    ),
    'publish with a long key': (
        lambda cluster: cluster.publish(MESSAGE, '', LONG),
        ValueError,
        r'routing_key is 256 bytes.*at most 255',
    ),
    'publish to a long name': (
        lambda cluster: cluster.publish(MESSAGE, LONG),
        ValueError,
        r'exchange is 256 bytes.*at most 255',
    ),
    'publish with a key of a number': (
        lambda cluster: cluster.publish(MESSAGE, '', 5, confirm=True),
        TypeError,
        r'routing_key must be str or bytes, not int',
    ),
    'publish with an unknown keyword': (
        lambda cluster: cluster.publish(MESSAGE, routing='jobs'),
        TypeError,
        r"'routing'",
    ),
    'declare a name': (
        lambda cluster: cluster.declare('jobs'),
        TypeError,
        r"Queue, Exchange.*QueueBind.*'jobs'",
    ),
    'declare an anonymous queue': (
        lambda cluster: cluster.declare(Queue()),
        ValueError,
        r'queue with a name',
    ),
    'bind an anonymous queue': (
        lambda cluster: cluster.bind(Queue(), 'amq.topic', ''),
        ValueError,
        r'queue with a name',
    ),
    'bind an exchange': (
        lambda cluster: cluster.bind(Exchange('ex'), 'amq.topic', ''),
        TypeError,
        r'queue must be a Queue or a name',
    ),
    'bind to a queue': (
        lambda cluster: cluster.bind('jobs', QUEUE, ''),
        TypeError,
        r'exchange must be an Exchange or a name',
    ),
    'delete a number': (
        lambda cluster: cluster.delete_queue(5),
        TypeError,
        r'queue must be a Queue',
    ),
    'consume a name': (
        lambda cluster: cluster.consume('jobs', print),
        TypeError,
        r"queue must be a Queue, not 'jobs'",
    ),
    'consume with a negative prefetch': (
        lambda cluster: cluster.consume(QUEUE, print, no_ack=False, qos=-1),
        ValueError,
        r'prefetch count.* from 0.*to 65535, not -1',
    ),
    'consume with an unknown keyword': (
        lambda cluster: cluster.consume(QUEUE, print, noack=True),
        TypeError,
        r"'noack'",
    ),
    'drain for text': (
        lambda cluster: cluster.drain('soon'),
        TypeError,
        r"timeout must be .*seconds.*'soon'",
    ),
}


@pytest.mark.integration
@pytest.mark.parametrize(('ask', 'error', 'words'), ASKED.values(), ids=ASKED)
def test_what_makes_no_sense_is_not_asked_for(
    cluster: Cluster, ask: Callable[[Any], Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        ask(cluster)
    confirmed(cluster, b'', 'nowhere').result(PATIENCE)  # and nothing has come to harm


# -- at the wrong time

USES: dict[str, Callable[[Any], Any]] = {
    'declare': lambda cluster: cluster.declare(QUEUE),
    'bind': lambda cluster: cluster.bind(QUEUE, 'amq.topic', ''),
    'delete_queue': lambda cluster: cluster.delete_queue(QUEUE),
    'consume': lambda cluster: cluster.consume(QUEUE, print),
    'publish': lambda cluster: cluster.publish(MESSAGE, routing_key='jobs'),
    'publish confirmed': lambda cluster: cluster.publish(MESSAGE, confirm=True),
    'add_consumer': lambda cluster: cluster.add_consumer(Consumer(QUEUE, print)),
    'attache_group.add': lambda cluster: cluster.attache_group.add(Consumer(QUEUE, print)),
}


@pytest.mark.parametrize('use', USES.values(), ids=USES)
def test_use_before_start_says_to_start(use: Callable[[Any], Any]) -> None:
    cluster = Cluster(NodeDefinition('h', 'u', 'p'))
    with pytest.raises(RuntimeError, match=r'not started yet; call start\(\) first'):
        use(cluster)


@pytest.mark.integration
@pytest.mark.parametrize('use', USES.values(), ids=USES)
def test_use_after_shutdown_says_so(cluster: Cluster, use: Callable[[Any], Any]) -> None:
    cluster.shutdown()
    with pytest.raises(ConnectionDead, match='was shut down'):
        use(cluster)
    assert isinstance(cluster.drain(None), NothingMuch)


@pytest.mark.integration
def test_start_after_shutdown_says_to_make_a_new_one(cluster: Cluster) -> None:
    cluster.shutdown()
    with pytest.raises(RuntimeError, match='make a new one'):
        cluster.start()


# -- a Consumer in two places


@pytest.mark.integration
@pytest.mark.parametrize('add', ['add_consumer', 'attache_group.add'])
def test_a_consumer_belongs_to_one_cluster_and_is_added_once(
    untyped: Any, make_cluster: MakeCluster, add: str
) -> None:
    other: Any = make_cluster()
    other.start()
    collector = Collector()
    consumer = consume(untyped, Queue('one', auto_delete=True), collector)

    for cluster in (other, untyped):
        with pytest.raises((RuntimeError, ValueError), match=r'[Cc]onsumer.*(added|belongs)'):
            adder(cluster, add)(consumer)
    confirmed(untyped, b'', 'one').result(PATIENCE)  # it goes on where it is
    collector.wait_for(1)


def adder(cluster: Any, name: str) -> Callable[[Any], Any]:
    add: Callable[[Any], Any] = (
        cluster.add_consumer if name == 'add_consumer' else cluster.attache_group.add
    )
    return add


# -- waiting inside an inline callback

WAITS: dict[str, Callable[[Cluster], Any]] = {
    'publish': lambda cluster: confirmed(cluster, b'', 'nowhere').result(PATIENCE),
    'exception': lambda cluster: confirmed(cluster, b'', 'nowhere').exception(PATIENCE),
    'declare': lambda cluster: cluster.declare(Queue('within')).result(PATIENCE),
}


@pytest.mark.integration
@pytest.mark.parametrize('wait', WAITS.values(), ids=WAITS)
def test_waiting_in_an_inline_callback_says_that_it_would_deadlock(
    cluster: Cluster, wait: Callable[[Cluster], Any]
) -> None:
    errors: list[Exception | None] = []
    called = threading.Event()

    def on_message(_message: object) -> None:
        try:
            wait(cluster)
            errors.append(None)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test wants to see it
            errors.append(error)
        called.set()

    consume(cluster, Queue('inline', auto_delete=True), on_message, inline=True)
    confirmed(cluster, b'', 'inline').result(PATIENCE)
    await_event(called, 'the callback')

    (error,) = errors
    assert isinstance(error, RuntimeError)
    assert 'deadlock' in str(error)
    confirmed(cluster, b'', 'inline').result(PATIENCE)


@pytest.mark.integration
def test_an_inline_callback_may_publish_and_look_at_what_has_ended(cluster: Cluster) -> None:
    done = confirmed(cluster, b'', 'nowhere')
    done.result(PATIENCE)
    collector = Collector(lambda _: (confirmed(cluster, b'', 'nowhere'), done.result(0)))
    consume(cluster, Queue('inline', auto_delete=True), collector, inline=True)
    confirmed(cluster, b'', 'inline').result(PATIENCE)
    collector.wait_for(1)


@pytest.mark.integration
def test_a_coroutine_function_is_no_callback_for_threads(cluster: Cluster) -> None:
    async def on_message(_message: object) -> None:
        """Never be called."""

    with pytest.raises(TypeError, match=r'coroutine function.*coolamqp\.aio'):
        cluster.consume(Queue('q'), on_message)
    with pytest.raises(TypeError, match=r'coroutine function.*coolamqp\.aio'):
        cluster.add_consumer(Consumer(Queue('q'), on_message))


def test_draining_before_the_start_does_not_wait_for_nothing() -> None:
    with pytest.raises(RuntimeError, match=r'call start\(\) first'):
        Cluster('amqp://a:b@h').drain(None)
