"""rabbitpy."""

from datetime import UTC, datetime

import rabbitpy
from rabbitpy.exceptions import AMQPAccessRefused, AMQPNotFound, MessageReturnedException

from tests.foreign.programs.common import (
    BODIES,
    BODY,
    EXCHANGE,
    FRACTION,
    HEADERS,
    KEY,
    NO_KEY,
    NO_QUEUE,
    NUMBERED,
    PREFETCH,
    PROPERTIES,
    QUEUE,
    do,
    ok,
    raised,
    run,
    same,
    with_wrong_password,
)

SENT = PROPERTIES | {
    'headers': HEADERS | FRACTION,
    'timestamp': datetime.fromtimestamp(PROPERTIES['timestamp'], UTC),
}
SENT['message_type'] = SENT.pop('type')  # its name in this client


def main(url):
    with rabbitpy.Connection(url) as connection:
        do(STEPS, connection)
    login_refused(url)
    ok(login_refused)


def declare(connection):
    with connection.channel() as channel:
        rabbitpy.Exchange(channel, EXCHANGE, durable=True).declare()
        queue = queue_of(channel)
        same(queue.declare(), (0, 0))
        queue.bind(EXCHANGE, KEY)


def publish(connection):
    with confirming(connection) as channel:
        for body in BODIES:
            send(channel, body)
        same(counts(channel), (len(BODIES), 0))


def get(connection):
    with connection.channel() as channel:
        for left, body in zip((2, 1, 0), BODIES, strict=True):
            message = queue_of(channel).get()
            same_message(message, body)
            same((message.exchange, message.routing_key), (EXCHANGE, KEY))
            same((message.redelivered, message.method.message_count), (False, left))
            message.ack()


def get_empty(connection):
    with connection.channel() as channel:
        same(queue_of(channel).get(), None)


def consume(connection):
    with confirming(connection) as channel:
        for body in NUMBERED:
            send(channel, body)
        queue = queue_of(channel)
        messages = queue.consume(prefetch=PREFETCH)
        unacknowledged = [next(messages) for _ in range(PREFETCH)]
        same(counts(channel), (len(NUMBERED) - PREFETCH, 1))
        for body in NUMBERED:
            message = unacknowledged.pop(0) if unacknowledged else next(messages)
            same_message(message, body)
            same(message.method.consumer_tag, queue.consumer_tag)
            same(message.redelivered, False)
            message.ack()
        messages.close()  # A channel that still has a consumer does not close.
    with connection.channel() as channel:
        same(counts(channel), (0, 0))


def redeliver(connection):
    with confirming(connection) as channel:
        send(channel, BODY)
        messages = queue_of(channel).consume()
        message = next(messages)
        same(message.redelivered, False)
        message.nack(requeue=True)
        message = next(messages)
        same(message.redelivered, True)
        same_message(message, BODY)
        message.ack()
        messages.close()


def cancel(connection):
    with confirming(connection) as channel:
        send(channel, BODY)
        queue = queue_of(channel)
        messages = queue.consume()
        next(messages).ack()
        same(counts(channel), (0, 1))
        queue.stop_consuming()
        send(channel, BODY)
        same(counts(channel), (1, 0))
        same_message(queue.get(acknowledge=False), BODY)


def mandatory_return(connection):
    with confirming(connection) as channel:
        message = rabbitpy.Message(channel, BODY, dict(SENT))
        error = raised(MessageReturnedException, message.publish, EXCHANGE, NO_KEY, mandatory=True)
        same(error.args, (312, 'NO_ROUTE', EXCHANGE, NO_KEY))


def channel_error(connection):
    channel = connection.channel()
    missing = rabbitpy.Queue(channel, NO_QUEUE)
    error = raised(AMQPNotFound, missing.declare, passive=True)
    same(error.args[0].reply_code, 404)
    with connection.channel() as channel:
        same(counts(channel), (0, 0))


def transaction(connection):
    with connection.channel() as channel:
        transaction = rabbitpy.Tx(channel)
        transaction.select()
        rabbitpy.Message(channel, b'rolled back').publish(EXCHANGE, KEY)
        transaction.rollback()
        rabbitpy.Message(channel, b'committed').publish(EXCHANGE, KEY)
        same(counts(channel), (0, 0))
        transaction.commit()
        message = queue_of(channel).get()
        same(message.body, b'committed')
        message.ack()
        transaction.rollback()
        transaction.commit()  # The message is not acknowledged.
    with connection.channel() as channel:
        same(counts(channel), (1, 0))


def delete(connection):
    with confirming(connection) as channel:
        queue = queue_of(channel)
        queue.purge()
        same(counts(channel), (0, 0))
        queue.unbind(EXCHANGE, KEY)
        send(channel, BODY)
        same(counts(channel), (0, 0))
        queue.delete()
        rabbitpy.Exchange(channel, EXCHANGE).delete()
    channel = connection.channel()
    same(raised(AMQPNotFound, counts, channel).args[0].reply_code, 404)


def login_refused(url):
    raised(AMQPAccessRefused, rabbitpy.Connection, with_wrong_password(url))


def send(channel, body):
    """Publish a message, and check that it is confirmed."""
    same(rabbitpy.Message(channel, body, dict(SENT)).publish(EXCHANGE, KEY), True)


def same_message(message, body):
    """Raise AssertionError if the body or a property differs."""
    properties = {name: value for name, value in message.properties.items() if value}
    same((message.body, properties), (body, SENT))


def queue_of(channel):
    """Return the queue on a channel."""
    return rabbitpy.Queue(channel, QUEUE, durable=True)


def confirming(connection):
    """Return a channel on which publishing waits for the confirm."""
    channel = connection.channel()
    channel.enable_publisher_confirms()
    return channel


def counts(channel):
    """Return the numbers of ready messages and of consumers."""
    return queue_of(channel).declare(passive=True)


STEPS = (
    declare,
    publish,
    get,
    get_empty,
    consume,
    redeliver,
    cancel,
    mandatory_return,
    channel_error,
    transaction,
    delete,
)

if __name__ == '__main__':
    run(main)
