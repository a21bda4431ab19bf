"""pika's BlockingConnection."""

import pika
from pika.exceptions import ChannelClosedByBroker, ProbableAuthenticationError, UnroutableError

from tests.foreign.programs.common import (
    BODIES,
    BODY,
    EXCHANGE,
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

SENT = pika.BasicProperties(headers=HEADERS, **PROPERTIES)


def main(url):
    connection = pika.BlockingConnection(pika.URLParameters(url))
    do(STEPS, connection)
    connection.close()
    login_refused(url)
    ok(login_refused)


def declare(connection):
    with connection.channel() as channel:
        channel.exchange_declare(EXCHANGE, 'direct', durable=True)
        declared = channel.queue_declare(QUEUE, durable=True).method
        same((declared.queue, declared.message_count, declared.consumer_count), (QUEUE, 0, 0))
        channel.queue_bind(QUEUE, EXCHANGE, KEY)


def publish(connection):
    with confirming(connection) as channel:
        for body in BODIES:
            channel.basic_publish(EXCHANGE, KEY, body, SENT)
        same(counts(channel), (len(BODIES), 0))


def get(connection):
    with connection.channel() as channel:
        for left, body in zip((2, 1, 0), BODIES, strict=True):
            got, properties, received = channel.basic_get(QUEUE)
            same((received, properties), (body, SENT))
            same((got.exchange, got.routing_key, got.redelivered), (EXCHANGE, KEY, False))
            same(got.message_count, left)
            channel.basic_ack(got.delivery_tag)


def get_empty(connection):
    with connection.channel() as channel:
        same(channel.basic_get(QUEUE), (None, None, None))


def consume(connection):
    with confirming(connection) as channel:
        for body in NUMBERED:
            channel.basic_publish(EXCHANGE, KEY, body, SENT)
        channel.basic_qos(prefetch_count=PREFETCH)
        consumer = Consumer(channel)
        consumer.wait_for(PREFETCH)
        same(counts(channel), (len(NUMBERED) - PREFETCH, 1))
        for number, body in enumerate(NUMBERED, start=1):
            delivered, properties, received = consumer.wait_for(number)
            same((received, properties), (body, SENT))
            same((delivered.consumer_tag, delivered.redelivered), (consumer.tag, False))
            channel.basic_ack(delivered.delivery_tag)
    with connection.channel() as channel:
        same(counts(channel), (0, 0))


def redeliver(connection):
    with confirming(connection) as channel:
        channel.basic_publish(EXCHANGE, KEY, BODY, SENT)
        consumer = Consumer(channel)
        delivered, _, _ = consumer.wait_for(1)
        same(delivered.redelivered, False)
        channel.basic_nack(delivered.delivery_tag, requeue=True)
        delivered, properties, body = consumer.wait_for(2)
        same((delivered.redelivered, body, properties), (True, BODY, SENT))
        channel.basic_ack(delivered.delivery_tag)


def cancel(connection):
    with confirming(connection) as channel:
        consumer = Consumer(channel)
        same(counts(channel), (0, 1))
        channel.basic_cancel(consumer.tag)
        channel.basic_publish(EXCHANGE, KEY, BODY)
        same(counts(channel), (1, 0))
        same(channel.basic_get(QUEUE, auto_ack=True)[2], BODY)


def mandatory_return(connection):
    with confirming(connection) as channel:
        error = raised(
            UnroutableError, channel.basic_publish, EXCHANGE, NO_KEY, BODY, SENT, mandatory=True
        )
        (returned,) = error.messages
        same((returned.body, returned.properties), (BODY, SENT))
        same((returned.method.reply_code, returned.method.routing_key), (312, NO_KEY))


def channel_error(connection):
    channel = connection.channel()
    error = raised(ChannelClosedByBroker, channel.queue_declare, NO_QUEUE, passive=True)
    same(error.reply_code, 404)
    with connection.channel() as channel:
        same(counts(channel), (0, 0))


def transaction(connection):
    with connection.channel() as channel:
        channel.tx_select()
        channel.basic_publish(EXCHANGE, KEY, b'rolled back')
        channel.tx_rollback()
        channel.basic_publish(EXCHANGE, KEY, b'committed')
        same(counts(channel), (0, 0))
        channel.tx_commit()
        got, _, body = channel.basic_get(QUEUE)
        same(body, b'committed')
        channel.basic_ack(got.delivery_tag)
        channel.tx_rollback()
        channel.tx_commit()  # The message is not acknowledged.
    with connection.channel() as channel:
        same(counts(channel), (1, 0))


def delete(connection):
    with confirming(connection) as channel:
        same(channel.queue_purge(QUEUE).method.message_count, 1)
        channel.queue_unbind(QUEUE, EXCHANGE, KEY)
        channel.basic_publish(EXCHANGE, KEY, BODY)
        same(channel.queue_delete(QUEUE).method.message_count, 0)
        channel.exchange_delete(EXCHANGE)
        error = raised(ChannelClosedByBroker, counts, channel)
        same(error.reply_code, 404)


def login_refused(url):
    parameters = pika.URLParameters(with_wrong_password(url))
    raised(ProbableAuthenticationError, pika.BlockingConnection, parameters)


class Consumer:
    """A consumer of the queue, which keeps what it receives."""

    def __init__(self, channel):
        self.connection, self.received = channel.connection, []
        self.tag = channel.basic_consume(QUEUE, self.on_message)

    def on_message(self, channel, *message):
        self.received.append(message)

    def wait_for(self, number):
        """Return the message with a number, from 1 on."""
        while len(self.received) < number:
            self.connection.process_data_events(time_limit=None)
        return self.received[number - 1]


def confirming(connection):
    """Return a channel on which publishing waits for the confirm."""
    channel = connection.channel()
    channel.confirm_delivery()
    return channel


def counts(channel):
    """Return the numbers of ready messages and of consumers."""
    declared = channel.queue_declare(QUEUE, passive=True).method
    return declared.message_count, declared.consumer_count


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
