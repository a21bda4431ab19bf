"""CoolAMQP 2.1.2, the version before this one. A frame tracer sees what its calls do not tell."""

import coolamqp
from coolamqp.clustering import Cluster
from coolamqp.clustering.events import ConnectionLost, MessageReceived
from coolamqp.exceptions import AMQPError
from coolamqp.framing.definitions import BasicDeliver, QueueDeclareOk
from coolamqp.framing.frames import AMQPMethodFrame
from coolamqp.objects import Exchange, Message, MessageProperties, NodeDefinition, Queue
from coolamqp.tracing import BaseFrameTracer
from tests.foreign.programs.common import (
    BODIES,
    BODY,
    EXCHANGE,
    FRACTION,
    HEADERS,
    KEY,
    NO_QUEUE,
    NUMBERED,
    PREFETCH,
    PROPERTIES,
    QUEUE,
    address_of,
    do,
    ok,
    raised,
    run,
    same,
    with_wrong_password,
)

TIMEOUT = 10
GREETINGS = Exchange(EXCHANGE, 'direct', durable=True)
INBOX = Queue(QUEUE, durable=True, exclusive=False, auto_delete=False)

# It cannot send None, and cannot receive a list that ends with a short element.
SENT_HEADERS = HEADERS | FRACTION | {'list': ['one', 'two', 3, 'four']}
del SENT_HEADERS['nothing']
LETTERS = {bool: 't', int: 'l', float: 'd', str: 'S'}
SENT = {
    ('type_' if name == 'type' else name): value.encode() if isinstance(value, str) else value
    for name, value in PROPERTIES.items()
}


class Frames(BaseFrameTracer):
    """The methods that have been received."""

    def __init__(self):
        self.methods = []

    def on_frame(self, timestamp, frame, direction):
        if direction == 'to_client' and isinstance(frame, AMQPMethodFrame):
            self.methods.append(frame.payload)

    def last(self, method):
        """Return the last method of a class."""
        return [each for each in self.methods if isinstance(each, method)][-1]


class Client:
    """A connected Cluster with its frames."""

    def __init__(self, url):
        self.url = url
        self.frames = Frames()
        # A NodeDefinition does not understand the port of a URL.
        address = address_of(url)
        names = ('host', 'user', 'password', 'vhost')
        node = NodeDefinition(*map(address.get, names), port=address['port'], heartbeat=60)
        self.cluster = Cluster(node, log_frames=self.frames)

    def send(self, *bodies):
        """Publish messages, and wait for all confirms."""
        sent = [self.cluster.publish(message(body), EXCHANGE, KEY, confirm=True) for body in bodies]
        for confirmed in sent:
            confirmed.result(TIMEOUT)

    def consume(self, **options):
        """Return a new consumer."""
        consumer, consuming = self.cluster.consume(INBOX, no_ack=False, **options)
        consuming.result(TIMEOUT)
        return consumer

    def receive(self):
        """Return the next message of all consumers."""
        event = self.cluster.drain(TIMEOUT)
        same(type(event), MessageReceived)
        return event

    def counts(self):
        """Return the numbers of ready messages and of consumers."""
        self.cluster.declare(INBOX).result(TIMEOUT)
        declared = self.frames.last(QueueDeclareOk)
        same(declared.queue.tobytes(), INBOX.name)
        return declared.message_count, declared.consumer_count


def main(url):
    same(coolamqp.__version__, '2.1.2')
    client = Client(url)
    client.cluster.start(timeout=TIMEOUT)
    do(STEPS, client)
    client.cluster.shutdown()
    login_refused(url)
    ok(login_refused)


def declare(client):
    client.cluster.declare(GREETINGS).result(TIMEOUT)
    same(client.counts(), (0, 0))
    client.cluster.bind(INBOX, GREETINGS, KEY).result(TIMEOUT)


def publish(client):
    client.send(*BODIES)
    same(client.counts(), (len(BODIES), 0))


def consume(client):
    client.send(*NUMBERED)
    ready = len(BODIES) + len(NUMBERED)
    consumer = client.consume(qos=PREFETCH)
    unacknowledged = [client.receive() for _ in range(PREFETCH)]
    same(client.counts(), (ready - PREFETCH, 1))
    for body in (*BODIES, *NUMBERED):
        received = unacknowledged.pop(0) if unacknowledged else client.receive()
        same_message(received, body)
        same(client.frames.last(BasicDeliver).redelivered, False)
        received.ack()
    consumer.cancel().result(TIMEOUT)
    same(client.counts(), (0, 0))


def redeliver(client):
    client.send(BODY)
    consumer = client.consume()
    client.receive().nack()
    received = client.receive()
    same(client.frames.last(BasicDeliver).redelivered, True)
    same_message(received, BODY)
    received.ack()
    consumer.cancel().result(TIMEOUT)


def cancel(client):
    consumer = client.consume()
    same(client.counts(), (0, 1))
    consumer.cancel().result(TIMEOUT)
    client.send(BODY)
    same(client.counts(), (1, 0))


def channel_error(client):
    """Bind to a missing exchange, because the client has no passive declarations."""
    bind_in_vain(client, Exchange(NO_QUEUE))
    same(client.counts(), (1, 0))


def delete(client):
    client.cluster.delete_queue(INBOX).result(TIMEOUT)
    bind_in_vain(client, GREETINGS)


def bind_in_vain(client, exchange):
    """Bind on a new connection, since a call soon after such an error may end all of the client."""
    other = Client(client.url)
    other.cluster.start(timeout=TIMEOUT)
    binding = other.cluster.bind(INBOX, exchange, KEY)
    same(raised(AMQPError, binding.result, TIMEOUT).reply_code, 404)
    other.cluster.shutdown()


def login_refused(url):
    """Wait until the broker closes the connection, which RabbitMQ does after 3 seconds."""
    client = Client(with_wrong_password(url))
    client.cluster.start(wait=False)
    same(type(client.cluster.drain(TIMEOUT)), ConnectionLost)
    same([type(method).__name__ for method in client.frames.methods], ['ConnectionStart'])
    client.cluster.shutdown()


def message(body):
    """Return a message with all properties."""
    table, _ = typed(SENT_HEADERS)
    return Message(body, MessageProperties(headers=table, **SENT))


def same_message(received, body):
    """Raise AssertionError if the body, a header or a property differs."""
    same(received.body, body)
    same((text(received.exchange_name), text(received.routing_key)), (EXCHANGE, KEY))
    same(plain((received.properties.headers, 'F')), SENT_HEADERS)
    received = {name: getattr(received.properties, name) for name in SENT}
    same({name: bytes_of(value) for name, value in received.items()}, SENT)


def typed(value):
    """Return a value with its letter, as in field tables of this client."""
    if isinstance(value, dict):
        value = [(name.encode(), typed(each)) for name, each in value.items()]
        return value, 'F'
    if isinstance(value, list):
        return [typed(each) for each in value], 'A'
    return value.encode() if isinstance(value, str) else value, LETTERS[type(value)]


def plain(field):
    """Return the Python value of a value with its letter."""
    value, letter = field
    if letter == 'F':
        return {name.decode(): plain(each) for name, each in value}
    if letter == 'A':
        return [plain(each) for each in value]
    return text(value) if letter == 'S' else value


def text(value):
    """Return the text of a memoryview."""
    return value.tobytes().decode()


def bytes_of(value):
    """Return the bytes of a memoryview, and any other value as it is."""
    return value.tobytes() if isinstance(value, memoryview) else value


STEPS = (
    declare,
    publish,
    consume,
    redeliver,
    cancel,
    channel_error,
    delete,
)

if __name__ == '__main__':
    run(main)
