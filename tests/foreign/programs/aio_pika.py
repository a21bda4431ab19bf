"""aio-pika, with its robust connection."""

import asyncio
from datetime import UTC, datetime

import aio_pika
from aio_pika.exceptions import (
    ChannelNotFoundEntity,
    DeliveryError,
    ProbableAuthenticationError,
    QueueEmpty,
)

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
    do_async,
    ok,
    run,
    same,
    with_wrong_password,
)

TIMEOUT = 10
SENT_HEADERS = HEADERS | FRACTION
# The client has its own units: seconds, and points in time.
SENT = PROPERTIES | {
    'expiration': int(PROPERTIES['expiration']) / 1000,
    'timestamp': datetime.fromtimestamp(PROPERTIES['timestamp'], UTC),
}


async def run_steps(url):
    async with await aio_pika.connect_robust(url, timeout=TIMEOUT) as connection:
        await do_async(STEPS, connection)
    await login_refused(url)
    ok(login_refused)


async def declare(connection):
    async with connection.channel() as channel:
        exchange = await channel.declare_exchange(EXCHANGE, durable=True)
        queue = await channel.declare_queue(QUEUE, durable=True)
        declared = queue.declaration_result
        same((declared.queue, declared.message_count, declared.consumer_count), (QUEUE, 0, 0))
        await queue.bind(exchange, KEY)


async def publish(connection):
    async with connection.channel() as channel:
        exchange = await channel.get_exchange(EXCHANGE)
        await asyncio.gather(*(exchange.publish(message(body), KEY) for body in BODIES))
        same(await counts(channel), (len(BODIES), 0))


async def get(connection):
    async with connection.channel() as channel:
        queue = await channel.get_queue(QUEUE)
        for left, body in zip((2, 1, 0), BODIES, strict=True):
            received = await queue.get(timeout=TIMEOUT)
            same_message(received, body)
            same((received.exchange, received.routing_key), (EXCHANGE, KEY))
            same((received.redelivered, received.message_count), (False, left))
            await received.ack()


async def get_empty(connection):
    async with connection.channel() as channel:
        queue = await channel.get_queue(QUEUE)
        try:
            await queue.get(timeout=TIMEOUT)
        except QueueEmpty:
            return
        raise AssertionError('the queue is not empty')


async def consume(connection):
    async with connection.channel() as channel:
        exchange, queue = await exchange_and_queue(channel)
        for body in NUMBERED:
            await exchange.publish(message(body), KEY)
        await channel.set_qos(PREFETCH)
        deliveries = asyncio.Queue()
        tag = await queue.consume(deliveries.put)
        unacknowledged = [await deliveries.get() for _ in range(PREFETCH)]
        same(await counts(channel), (len(NUMBERED) - PREFETCH, 1))
        for body in NUMBERED:
            received = unacknowledged.pop(0) if unacknowledged else await deliveries.get()
            same_message(received, body)
            same((received.consumer_tag, received.redelivered), (tag, False))
            await received.ack()
    async with connection.channel() as channel:
        same(await counts(channel), (0, 0))


async def redeliver(connection):
    async with connection.channel() as channel:
        exchange, queue = await exchange_and_queue(channel)
        await exchange.publish(message(BODY), KEY)
        async with queue.iterator() as messages:
            received = await anext(messages)
            same(received.redelivered, False)
            await received.nack(requeue=True)
            received = await anext(messages)
            same(received.redelivered, True)
            same_message(received, BODY)
            await received.ack()


async def cancel(connection):
    async with connection.channel() as channel:
        exchange, queue = await exchange_and_queue(channel)
        tag = await queue.consume(asyncio.Queue().put)
        same(await counts(channel), (0, 1))
        await queue.cancel(tag)
        await exchange.publish(message(BODY), KEY)
        same(await counts(channel), (1, 0))
        received = await queue.get(no_ack=True, timeout=TIMEOUT)
        same_message(received, BODY)


async def mandatory_return(connection):
    async with connection.channel(on_return_raises=True) as channel:
        exchange = await channel.get_exchange(EXCHANGE)
        try:
            await exchange.publish(message(BODY), NO_KEY, mandatory=True)
        except DeliveryError as error:
            returned = error.message
        same(returned.delivery.reply_code, 312)
        same((returned.delivery.routing_key, returned.body), (NO_KEY, BODY))
        same(returned.header.properties.headers, SENT_HEADERS)


async def channel_error(connection):
    async with connection.channel() as channel:
        await not_found(channel, NO_QUEUE)
    async with connection.channel() as channel:
        same(await counts(channel), (0, 0))


async def transaction(connection):
    async with connection.channel(publisher_confirms=False) as channel:
        exchange, queue = await exchange_and_queue(channel)
        transaction = channel.transaction()
        await transaction.select()
        await exchange.publish(message(b'rolled back'), KEY)
        await transaction.rollback()
        await exchange.publish(message(b'committed'), KEY)
        same(await counts(channel), (0, 0))
        await transaction.commit()
        received = await queue.get(timeout=TIMEOUT)
        same_message(received, b'committed')
        await received.ack()
        await transaction.rollback()
        await transaction.commit()  # The message is not acknowledged.
    async with connection.channel() as channel:
        same(await counts(channel), (1, 0))


async def delete(connection):
    async with connection.channel() as channel:
        exchange, queue = await exchange_and_queue(channel)
        same((await queue.purge()).message_count, 1)
        await queue.unbind(exchange, KEY)
        await exchange.publish(message(BODY), KEY, mandatory=False)
        same((await queue.delete()).message_count, 0)
        await exchange.delete()
        await not_found(channel, QUEUE)


async def login_refused(url):
    try:
        await aio_pika.connect(with_wrong_password(url), timeout=TIMEOUT)
    except ProbableAuthenticationError:
        return
    raise AssertionError('the login was not refused')


def message(body):
    """Return a message with all properties."""
    return aio_pika.Message(body, headers=SENT_HEADERS, **SENT)


def same_message(received, body):
    """Raise AssertionError if the body, the headers or a property differ."""
    same((received.body, received.headers), (body, SENT_HEADERS))
    same({name: getattr(received, name) for name in SENT}, SENT)


async def not_found(channel, missing_queue):
    """Declare a missing queue passively, and check that the reply code is 404."""
    queue = await channel.get_queue(missing_queue, ensure=False)
    try:
        await queue.declare()
    except ChannelNotFoundEntity:
        return
    raise AssertionError(f'the queue {missing_queue} exists')


async def exchange_and_queue(channel):
    """Return the exchange and the queue, which exist."""
    return await channel.get_exchange(EXCHANGE), await channel.get_queue(QUEUE)


async def counts(channel):
    """Return the numbers of ready messages and of consumers."""
    declared = await (await channel.get_queue(QUEUE, ensure=False)).declare()
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


def main(url):
    asyncio.run(run_steps(url))


if __name__ == '__main__':
    run(main)
