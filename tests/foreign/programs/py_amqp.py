"""py-amqp, the client under kombu and Celery."""

import amqp
from amqp.exceptions import AccessRefused, NotFound

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
    address_of,
    do,
    ok,
    raised,
    run,
    same,
    with_wrong_password,
)

TIMEOUT = 10
SENT = PROPERTIES | {'application_headers': HEADERS | FRACTION}


def main(url):
    with connect(url, confirm_publish=True) as connection:
        do(STEPS, connection)
    with connect(url) as connection:
        transaction(connection)
        ok(transaction)
        delete(connection)
        ok(delete)
    login_refused(url)
    ok(login_refused)


def connect(url, **options):
    """Return a connection, which `with` opens."""
    address = address_of(url)
    return amqp.Connection(
        f'{address["host"]}:{address["port"]}',
        address['user'],
        address['password'],
        virtual_host=address['vhost'],
        connect_timeout=TIMEOUT,
        heartbeat=60,
        **options,
    )


def declare(connection):
    with connection.channel() as channel:
        channel.exchange_declare(EXCHANGE, 'direct', durable=True, auto_delete=False)
        declared = channel.queue_declare(QUEUE, durable=True, auto_delete=False)
        same((declared.queue, declared.message_count, declared.consumer_count), (QUEUE, 0, 0))
        channel.queue_bind(QUEUE, EXCHANGE, KEY)


def publish(connection):
    with connection.channel() as channel:
        for body in BODIES:
            channel.basic_publish(amqp.Message(body, **SENT), EXCHANGE, KEY)
        same(counts(channel), (len(BODIES), 0))


def get(connection):
    with connection.channel() as channel:
        for left, body in zip((2, 1, 0), BODIES, strict=True):
            message = channel.basic_get(QUEUE)
            same_message(message, body)
            same(message.delivery_info['redelivered'], False)
            same(message.delivery_info['exchange'], EXCHANGE)
            same(message.delivery_info['routing_key'], KEY)
            same(message.delivery_info['message_count'], left)
            channel.basic_ack(message.delivery_tag)


def get_empty(connection):
    with connection.channel() as channel:
        same(channel.basic_get(QUEUE), None)


def consume(connection):
    with connection.channel() as channel:
        for body in NUMBERED:
            channel.basic_publish(amqp.Message(body, **SENT), EXCHANGE, KEY)
        channel.basic_qos(0, PREFETCH, a_global=False)
        consumer = Consumer(channel)
        consumer.wait_for(PREFETCH)
        same(counts(channel), (len(NUMBERED) - PREFETCH, 1))
        for number, body in enumerate(NUMBERED, start=1):
            message = consumer.wait_for(number)
            same_message(message, body)
            same(message.delivery_info['consumer_tag'], consumer.tag)
            same(message.delivery_info['redelivered'], False)
            channel.basic_ack(message.delivery_tag)
    with connection.channel() as channel:
        same(counts(channel), (0, 0))


def redeliver(connection):
    """Reject a message instead of a nack, which this client does not have."""
    with connection.channel() as channel:
        channel.basic_publish(amqp.Message(BODY, **SENT), EXCHANGE, KEY)
        consumer = Consumer(channel)
        message = consumer.wait_for(1)
        same(message.delivery_info['redelivered'], False)
        channel.basic_reject(message.delivery_tag, requeue=True)
        message = consumer.wait_for(2)
        same(message.delivery_info['redelivered'], True)
        same_message(message, BODY)
        channel.basic_ack(message.delivery_tag)


def cancel(connection):
    with connection.channel() as channel:
        consumer = Consumer(channel)
        same(counts(channel), (0, 1))
        channel.basic_cancel(consumer.tag)
        channel.basic_publish(amqp.Message(BODY, **SENT), EXCHANGE, KEY)
        same(counts(channel), (1, 0))
        same_message(channel.basic_get(QUEUE, no_ack=True), BODY)


def mandatory_return(connection):
    returns = []
    with connection.channel() as channel:
        channel.events['basic_return'].add(lambda *returned: returns.append(returned))
        channel.basic_publish(amqp.Message(BODY, **SENT), EXCHANGE, NO_KEY, mandatory=True)
    ((error, exchange, key, message),) = returns
    same((error.reply_code, exchange, key), (312, EXCHANGE, NO_KEY))
    same_message(message, BODY)


def channel_error(connection):
    channel = connection.channel()
    same(raised(NotFound, channel.queue_declare, NO_QUEUE, passive=True).reply_code, 404)
    with connection.channel() as channel:
        same(counts(channel), (0, 0))


def transaction(connection):
    with connection.channel() as channel:
        channel.tx_select()
        channel.basic_publish(amqp.Message(b'rolled back'), EXCHANGE, KEY)
        channel.tx_rollback()
        channel.basic_publish(amqp.Message(b'committed'), EXCHANGE, KEY)
        same(counts(channel), (0, 0))
        channel.tx_commit()
        message = channel.basic_get(QUEUE)
        same(message.body, b'committed')
        channel.basic_ack(message.delivery_tag)
        channel.tx_rollback()
        channel.tx_commit()  # The message is not acknowledged.
    with connection.channel() as channel:
        same(counts(channel), (1, 0))


def delete(connection):
    with connection.channel() as channel:
        same(channel.queue_purge(QUEUE), 1)
        channel.queue_unbind(QUEUE, EXCHANGE, KEY)
        channel.basic_publish_confirm(amqp.Message(BODY), EXCHANGE, KEY)
        same(channel.queue_delete(QUEUE), 0)
        channel.exchange_delete(EXCHANGE)
        same(raised(NotFound, counts, channel).reply_code, 404)


def login_refused(url):
    refused = connect(with_wrong_password(url))
    same(raised(AccessRefused, refused.connect).reply_code, 403)


class Consumer:
    """A consumer of the queue, which keeps what it receives."""

    def __init__(self, channel):
        self.connection, self.received = channel.connection, []
        self.tag = channel.basic_consume(QUEUE, callback=self.received.append)

    def wait_for(self, number):
        """Return the message with a number, from 1 on."""
        while len(self.received) < number:
            self.connection.drain_events(timeout=TIMEOUT)
        return self.received[number - 1]


def same_message(message, body):
    """Raise AssertionError if the body or a property differs."""
    # The client decodes bodies with a content encoding if it can.
    same(message.body.encode() if isinstance(message.body, str) else message.body, body)
    same(message.properties, SENT)


def counts(channel):
    """Return the numbers of ready messages and of consumers."""
    declared = channel.queue_declare(QUEUE, passive=True)
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
)

if __name__ == '__main__':
    run(main)
