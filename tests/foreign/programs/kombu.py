"""kombu over py-amqp. Its exchanges and queues declare themselves."""

import kombu
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
    do,
    ok,
    raised,
    run,
    same,
    with_wrong_password,
)

TIMEOUT = 10
GREETINGS = kombu.Exchange(EXCHANGE, 'direct', durable=True)
INBOX = kombu.Queue(QUEUE, GREETINGS, routing_key=KEY, durable=True)
SENT_HEADERS = HEADERS | FRACTION
# The expiration is in seconds here.
OPTIONS = PROPERTIES | {'expiration': int(PROPERTIES['expiration']) / 1000}


def main(url):
    with connect(url) as connection:
        do(STEPS, connection)
    login_refused(url)
    ok(login_refused)


def connect(url):
    """Return a connection whose channels wait for confirms."""
    options = {'confirm_publish': True}
    return kombu.Connection(url, connect_timeout=TIMEOUT, heartbeat=60, transport_options=options)


def declare(connection):
    with connection.channel() as channel:
        INBOX(channel).declare()
        same(counts(channel), (0, 0))


def publish(connection):
    with connection.channel() as channel:
        for body in BODIES:
            send(channel, body)
        same(counts(channel), (len(BODIES), 0))


def get(connection):
    with connection.channel() as channel:
        for left, body in zip((2, 1, 0), BODIES, strict=True):
            message = INBOX(channel).get()
            same_message(message, body)
            same(message.delivery_info['message_count'], left)
            message.ack()


def get_empty(connection):
    with connection.channel() as channel:
        same(INBOX(channel).get(), None)


def consume(connection):
    with connection.channel() as channel:
        for body in NUMBERED:
            send(channel, body)
        messages = []
        with kombu.Consumer(channel, [INBOX], on_message=messages.append, prefetch_count=PREFETCH):
            wait_for(connection, messages, PREFETCH)
            same(counts(channel), (len(NUMBERED) - PREFETCH, 1))
            for number, body in enumerate(NUMBERED, start=1):
                message = wait_for(connection, messages, number)
                same_message(message, body)
                message.ack()
    with connection.channel() as channel:
        same(counts(channel), (0, 0))


def redeliver(connection):
    with connection.channel() as channel:
        send(channel, BODY)
        messages = []
        with kombu.Consumer(channel, [INBOX], on_message=messages.append):
            wait_for(connection, messages, 1).requeue()
            message = wait_for(connection, messages, 2)
            same_message(message, BODY, redelivered=True)
            message.ack()


def cancel(connection):
    with connection.channel() as channel:
        consumer = kombu.Consumer(channel, [INBOX], callbacks=[print])
        consumer.consume()
        same(counts(channel), (0, 1))
        consumer.cancel()
        greeting = {'greeting': ['Grüße', 1, None]}
        kombu.Producer(channel, GREETINGS, KEY).publish(greeting, serializer='json')
        same(counts(channel), (1, 0))
        same(INBOX(channel).get(no_ack=True).payload, greeting)


def mandatory_return(connection):
    returns = []
    with connection.channel() as channel:
        producer = kombu.Producer(
            channel, GREETINGS, on_return=lambda *returned: returns.append(returned)
        )
        producer.publish(BODY, NO_KEY, mandatory=True, headers=SENT_HEADERS, **OPTIONS)
    ((error, exchange, key, message),) = returns
    same((error.reply_code, exchange, key), (312, EXCHANGE, NO_KEY))
    same(message.properties, PROPERTIES | {'application_headers': SENT_HEADERS})


def channel_error(connection):
    missing = kombu.Queue(NO_QUEUE)(connection.channel())
    same(raised(NotFound, missing.queue_declare, passive=True).reply_code, 404)
    with connection.channel() as channel:
        same(counts(channel), (0, 0))


def delete(connection):
    with connection.channel() as channel:
        queue = INBOX(channel)
        send(channel, BODY)
        same(queue.purge(), 1)
        queue.unbind_from(GREETINGS, KEY)
        send(channel, BODY)
        same(queue.delete(), 0)
        GREETINGS(channel).delete()
        same(raised(NotFound, counts, channel).reply_code, 404)


def login_refused(url):
    refused = connect(with_wrong_password(url))
    same(raised(AccessRefused, refused.connect).reply_code, 403)


def send(channel, body):
    """Publish a message with all properties, and wait for the confirm."""
    producer = kombu.Producer(channel, GREETINGS, KEY)
    producer.publish(body, headers=dict(SENT_HEADERS), **OPTIONS)


def wait_for(connection, messages, number):
    """Return the message with a number, from 1 on."""
    while len(messages) < number:
        connection.drain_events(timeout=TIMEOUT)
    return messages[number - 1]


def same_message(message, body, *, redelivered=False):
    """Raise AssertionError if the body, a header or a property differs."""
    # py-amqp decodes bodies with a content encoding if it can.
    same(message.body.encode() if isinstance(message.body, str) else message.body, body)
    same(message.headers, SENT_HEADERS)
    same(message.properties, PROPERTIES | {'application_headers': SENT_HEADERS})
    found = message.delivery_info
    same((found['exchange'], found['routing_key']), (EXCHANGE, KEY))
    same(found['redelivered'], redelivered)


def counts(channel):
    """Return the numbers of ready messages and of consumers."""
    declared = INBOX(channel).queue_declare(passive=True)
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
    delete,
)

if __name__ == '__main__':
    run(main)
