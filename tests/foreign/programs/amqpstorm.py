"""amqpstorm."""

from datetime import UTC, datetime

import amqpstorm
from amqpstorm import AMQPChannelError, AMQPConnectionError, AMQPMessageError

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

OPTIONS = '?heartbeat=60&timeout=10'
SENT = PROPERTIES | {
    'headers': HEADERS | FRACTION,
    'timestamp': datetime.fromtimestamp(PROPERTIES['timestamp'], UTC),
}
SENT['message_type'] = SENT.pop('type')  # its name in this client


def main(url):
    with amqpstorm.UriConnection(url + OPTIONS) as connection:
        do(STEPS, connection)
    login_refused(url)
    ok(login_refused)


def declare(connection):
    with connection.channel() as channel:
        channel.exchange.declare(EXCHANGE, 'direct', durable=True)
        declared = channel.queue.declare(QUEUE, durable=True)
        same(declared, {'queue': QUEUE, 'message_count': 0, 'consumer_count': 0})
        channel.queue.bind(QUEUE, EXCHANGE, KEY)


def publish(connection):
    with confirming(connection) as channel:
        for body in BODIES:
            same(channel.basic.publish(body, KEY, EXCHANGE, SENT), True)
        same(counts(channel), (len(BODIES), 0))


def get(connection):
    with connection.channel() as channel:
        for left, body in zip((2, 1, 0), BODIES, strict=True):
            message = channel.basic.get(QUEUE, auto_decode=False)
            same_message(message, body)
            same(message.redelivered, False)
            same((message.method['exchange'], message.method['routing_key']), (EXCHANGE, KEY))
            same(message.method['message_count'], left)
            message.ack()


def get_empty(connection):
    with connection.channel() as channel:
        same(channel.basic.get(QUEUE), None)


def consume(connection):
    with confirming(connection) as channel:
        for body in NUMBERED:
            same(channel.basic.publish(body, KEY, EXCHANGE, SENT), True)
        channel.basic.qos(PREFETCH)
        tag = channel.basic.consume(queue=QUEUE)
        messages = channel.build_inbound_messages(auto_decode=False)
        unacknowledged = [next(messages) for _ in range(PREFETCH)]
        same(counts(channel), (len(NUMBERED) - PREFETCH, 1))
        for body in NUMBERED:
            message = unacknowledged.pop(0) if unacknowledged else next(messages)
            same_message(message, body)
            same((message.method['consumer_tag'], message.redelivered), (tag, False))
            message.ack()
    with connection.channel() as channel:
        same(counts(channel), (0, 0))


def redeliver(connection):
    with confirming(connection) as channel:
        channel.basic.publish(BODY, KEY, EXCHANGE, SENT)
        channel.basic.consume(queue=QUEUE)
        messages = channel.build_inbound_messages(auto_decode=False)
        message = next(messages)
        same(message.redelivered, False)
        message.nack(requeue=True)
        message = next(messages)
        same(message.redelivered, True)
        same_message(message, BODY)
        message.ack()


def cancel(connection):
    with confirming(connection) as channel:
        tag = channel.basic.consume(queue=QUEUE)
        same(counts(channel), (0, 1))
        channel.basic.cancel(tag)
        channel.basic.publish(BODY, KEY, EXCHANGE, SENT)
        same(counts(channel), (1, 0))
        same_message(channel.basic.get(QUEUE, no_ack=True, auto_decode=False), BODY)


def mandatory_return(connection):
    with confirming(connection) as channel:
        error = raised(
            AMQPMessageError, channel.basic.publish, BODY, NO_KEY, EXCHANGE, SENT, mandatory=True
        )
        same(error.error_code, 312)
        channel.basic.publish(BODY, KEY, EXCHANGE, SENT)
        same_message(channel.basic.get(QUEUE, no_ack=True, auto_decode=False), BODY)


def channel_error(connection):
    channel = connection.channel()
    error = raised(AMQPChannelError, channel.queue.declare, NO_QUEUE, passive=True)
    same(error.error_code, 404)
    with connection.channel() as channel:
        same(counts(channel), (0, 0))


def transaction(connection):
    with connection.channel() as channel:
        channel.tx.select()
        channel.basic.publish(b'rolled back', KEY, EXCHANGE)
        channel.tx.rollback()
        channel.tx.select()
        channel.basic.publish(b'committed', KEY, EXCHANGE)
        same(counts(channel), (0, 0))
        channel.tx.commit()
        message = channel.basic.get(QUEUE, auto_decode=False)
        same(message.body, b'committed')
        message.ack()
        channel.tx.rollback()
        channel.tx.select()
        channel.tx.commit()  # The message is not acknowledged.
    with connection.channel() as channel:
        same(counts(channel), (1, 0))


def delete(connection):
    with confirming(connection) as channel:
        same(channel.queue.purge(QUEUE), {'message_count': 1})
        channel.queue.unbind(QUEUE, EXCHANGE, KEY)
        channel.basic.publish(BODY, KEY, EXCHANGE, SENT)
        same(channel.queue.delete(QUEUE), {'message_count': 0})
        channel.exchange.delete(EXCHANGE)
        same(raised(AMQPChannelError, counts, channel).error_code, 404)


def login_refused(url):
    error = raised(AMQPConnectionError, amqpstorm.UriConnection, with_wrong_password(url) + OPTIONS)
    same(error.error_code, 403)


def same_message(message, body):
    """Raise AssertionError if the body or a property differs."""
    same(message.body, body)
    properties = {name: value for name, value in message.properties.items() if value}
    same(properties, SENT)


def confirming(connection):
    """Return a channel on which publishing waits for the confirm."""
    channel = connection.channel()
    channel.confirm_deliveries()
    return channel


def counts(channel):
    """Return the numbers of ready messages and of consumers."""
    declared = channel.queue.declare(QUEUE, passive=True)
    return declared['message_count'], declared['consumer_count']


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
